-- Both hold public entries only, by product.seq.
create virtual table search using fts5 (words, content = '', contentless_delete = 1, tokenize = 'unicode61', prefix = '3', detail = 'none');
create virtual table code using fts5 (codes, content = '', contentless_delete = 1, tokenize = 'trigram');

create trigger event_stays before update on event begin
  select raise(abort, 'the audit trail is only added to');
end;
create trigger event_kept before delete on event begin
  select raise(abort, 'the audit trail is only added to');
end;
create trigger version_stays before update of product, number, kind, record, digest, statement, org, published on version begin
  select raise(abort, 'a version never changes');
end;
create trigger version_kept before delete on version begin
  select raise(abort, 'a version is never dropped');
end;
