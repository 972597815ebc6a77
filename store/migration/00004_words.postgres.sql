-- The words of public entries that are not withdrawn, one row each, by product.seq: so
-- that the newest entries with a word are read off an index, however many have it. Words
-- with a digit in them are mostly of one model, and the index of search has them.
create table word (
  word text collate "C" not null,
  seq  bigint not null
);
insert into word (word, seq)
  select distinct w.word, p.seq from product p cross join unnest(string_to_array(p.words, ' ')) as w (word)
  where p.version > 0 and p.status = 'published' and w.word !~ '[0-9]' and w.word <> ''
  order by 1, 2;
alter table word add primary key (word, seq);
