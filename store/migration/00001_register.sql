-- Times are text, RFC 3339 in UTC with milliseconds; days are text; '' is none.
-- Words in double braces differ between the engines: see migrate.go.

create table setting (
  name  text primary key,
  value text not null
) {{strict}};

create table org (
  id       text primary key,
  slug     text not null unique,
  name     text not null,
  kind     text not null,
  address  text not null,
  site     text not null,
  created  text not null,
  products {{int}} not null default 0 -- public entries
) {{strict}};

create table signing_key (
  org      text not null references org (id),
  id       text not null,
  pem      text not null,
  name     text not null,
  added    text not null,
  added_by text not null,
  revoked  text not null default '',
  primary key (org, id)
) {{strict}};

create table account (
  id       text primary key,
  name     text not null,
  email    text not null unique,
  operator {{int}} not null,
  handle   {{blob}} not null unique,
  created  text not null,
  locked   text not null default ''
) {{strict}};

create table member (
  org     text not null references org (id),
  account text not null references account (id),
  role    text not null,
  since   text not null,
  primary key (org, account)
) {{strict}};
create index member_account on member (account);

create table credential (
  id        {{blob}} primary key,
  account   text not null references account (id),
  name      text not null,
  data      {{blob}} not null,
  created   text not null,
  last_used text not null default ''
) {{strict}};
create index credential_account on credential (account);

create table identity (
  issuer  text not null,
  subject text not null,
  account text not null references account (id),
  email   text not null,
  created text not null,
  primary key (issuer, subject)
) {{strict}};
create index identity_account on identity (account);

create table token (
  id        text primary key,
  org       text not null references org (id),
  account   text not null references account (id),
  name      text not null,
  scopes    text not null,
  hash      {{blob}} not null,
  created   text not null,
  expires   text not null,
  last_used text not null default '',
  revoked   text not null default ''
) {{strict}};
create index token_org on token (org);

create table link (
  hash    {{blob}} primary key,
  kind    text not null,
  org     text not null,
  role    text not null,
  email   text not null,
  account text not null,
  created text not null,
  expires text not null,
  used    text not null default ''
) {{strict}};

create table session (
  hash    {{blob}} primary key,
  account text not null,
  data    {{blob}} not null,
  expires text not null
) {{strict}};
create index session_account on session (account);
create index session_expires on session (expires);

create table event (
  id      {{serial}},
  at      text not null,
  account text not null,
  token   text not null,
  org     text not null,
  action  text not null,
  subject text not null,
  origin  text not null,
  detail  text not null
) {{strict}};
create index event_org on event (org, id);
create index event_account on event (account, id);
create index event_subject on event (subject, id);

-- In the tables that grow with products (product, version, leaf, gtin, model), what is
-- unique is an index by itself, which Load can drop and make again.

-- A product. Name to leaf are what is public of it now, written when the log has
-- the leaf of its version; of a draft they are the draft's. The keys, latest and
-- promised follow the newest version, in the log or not.
create table product (
  seq         {{serial}},
  id          text not null,
  slug        text not null,
  org         text not null references org (id),
  status      text not null,
  name        text not null,
  make        text not null,
  models      text not null,
  category    text not null,
  support_end text not null,
  version     {{int}} not null,
  changed     text not null,
  leaf        {{int}} not null,
  maker       text not null,
  words       text not null,
  make_key    text not null,
  name_key    text not null,
  latest      {{int}} not null,
  promised    text not null
) {{strict}};
create unique index product_id on product (id);
create unique index product_slug on product (slug);
create unique index product_own on product (org, make_key, name_key);
create index product_changed on product (changed, seq) where version > 0;
create index product_category on product (category, changed, seq) where version > 0;
create index product_maker on product (maker, changed, seq) where version > 0;
create index product_maker_category on product (maker, category, changed, seq) where version > 0;
create index product_org on product (org, changed, seq);
create index product_support on product (support_end, seq) where version > 0;
create index product_similar on product (category, support_end, seq) where version > 0;

create table version (
  product   text not null references product (id),
  number    {{int}} not null,
  kind      text not null,
  record    {{blob}} not null,
  digest    text not null, -- of the record
  statement text not null,
  org       text not null,
  author    text not null,
  published text not null,
  leaf      {{int}}
) {{strict}};
create unique index version_number on version (product, number);

create table document (
  digest text primary key,
  data   {{blob}} not null
) {{strict}};

create table assessment (
  id        {{serial}},
  product   text not null references product (id),
  org       text not null references org (id),
  digest    text not null,
  signed_by text not null,
  says      text not null,
  record    {{blob}} not null,
  at        text not null,
  leaf      {{int}},
  unique (product, digest)
) {{strict}};

-- What waits for the log, what is in it, and what feeds tell of it. The bytes are
-- kept until the log has them.
create table leaf (
  seq        {{serial}},
  hash       text not null,
  idx        {{int}},
  kind       text not null,
  product    text not null references product (id),
  version    {{int}} not null,
  assessment {{int}} not null,
  org        text not null,
  category   text not null,
  at         text not null,
  fields     text not null,
  note       text not null,
  bytes      {{blob}} not null
) {{strict}};
create unique index leaf_hash on leaf (hash);
create unique index leaf_idx on leaf (idx);
create index leaf_waiting on leaf (seq) where idx is null;
create index leaf_product on leaf (product, idx);
create index leaf_org on leaf (org, idx);
create index leaf_category on leaf (category, idx);

create table gtin (
  gtin    text not null,
  product text not null references product (id)
) {{strict}};
create unique index gtin_gtin on gtin (gtin, product);
create index gtin_product on gtin (product);

create table model (
  code    text not null,
  product text not null references product (id)
) {{strict}};
create unique index model_code on model (code, product);
create index model_product on model (product);

create table label (
  product text not null references product (id),
  org     text not null,
  scheme  text not null,
  level   text not null,
  number  text not null,
  expires text not null
) {{strict}};
create index label_product on label (product);
create index label_org on label (org, expires);

create table tally (
  dimension text not null,
  item      text not null,
  n         {{int}} not null,
  primary key (dimension, item)
) {{strict}};
create index tally_n on tally (dimension, n);

create table draft (
  product   text primary key references product (id),
  org       text not null references org (id),
  facts     text not null,
  statement {{blob}} not null,
  note      text not null,
  updated   text not null,
  author    text not null,
  revision  {{int}} not null
) {{strict}};
create index draft_org on draft (org, product);

create table subscription (
  id        {{serial}},
  email     text not null,
  kind      text not null,
  item      text not null,
  created   text not null,
  confirmed text not null default '',
  unique (email, kind, item)
) {{strict}};
create index subscription_item on subscription (kind, item, id);

create table lease (
  name   text primary key,
  holder text not null,
  until  text not null
) {{strict}};

insert into setting (name, value) values ('log.next', '0'); -- leaves of the log that were taken note of
