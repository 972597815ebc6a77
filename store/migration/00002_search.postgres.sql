create extension if not exists pg_trgm;

-- Holds public entries only, by product.seq.
create table search (
  seq   bigint primary key,
  words tsvector not null,
  codes text not null
);
create index search_words on search using gin (words) with (fastupdate = off);
create index search_codes on search using gin (codes gin_trgm_ops) with (fastupdate = off);

create function stays() returns trigger language plpgsql as $$
begin
  raise exception 'this is only added to';
end
$$;
create trigger event_stays before update or delete on event for each row execute function stays();
create trigger version_stays before update of product, number, kind, record, digest, statement, org, published or delete on version
  for each row execute function stays();
