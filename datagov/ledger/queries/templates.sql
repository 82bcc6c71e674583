-- title: Buckets over the cap: text shared by very many documents, such as templates and boilerplate.
-- param limit = 50: how many buckets at most
SELECT step, key, members, split_into
FROM templates
ORDER BY members DESC, step, key
LIMIT $limit
