-- By which names that look alike are the same: see register.NameKey.
alter table org add column name_key text not null default '';
create index org_name on org (name_key);
create index signing_key_id on signing_key (id);
create index link_made on link (kind, created);

-- Whose product an assessment is about, where another organisation, the laboratory,
-- attached it: so that feeds of a manufacturer have it.
alter table leaf add column maker text not null default '';
update leaf set maker = (select p.org from product p where p.id = leaf.product) where kind = 'assessed';
create index leaf_maker on leaf (maker, idx) where maker <> '';

-- The makers' own pages that public entries name, and what was seen of each when it
-- was last looked at. Page is one JSON object: see register.PageState.
create table watch (
  product text not null references product (id),
  url     text not null,
  org     text not null,
  host    text not null,
  version {{int}} not null, -- of the entry that names it
  page    text not null,
  trouble text not null default '', -- what is to be told of it; none: ''
  told    text not null default '', -- when the organisation was told of that
  due     text not null,            -- when it is looked at next
  primary key (product, url)
) {{strict}};
create index watch_due on watch (due);
create index watch_host on watch (host, due, url);
create index watch_trouble on watch (org, product, url) where trouble <> '';
