-- title: Documents set aside and shards that could not be read, by reason, with an example.
SELECT reason, count(*) FILTER (shard_row IS NOT NULL) AS documents,
       count(*) FILTER (shard_row IS NULL) AS shards,
       min(shard) AS example_shard, arg_min(shard_row, shard) AS example_row, arg_min(detail, shard) AS example_detail
FROM errors
GROUP BY reason
ORDER BY documents DESC, reason
