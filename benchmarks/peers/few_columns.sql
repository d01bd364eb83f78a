-- What most queries of customers ask for, and no more.
SELECT
    customer_id,
    count(DISTINCT order_id) AS orders,
    sum(amount) AS revenue,
    min(date)::date AS first_order,
    max(date)::date AS last_order
FROM read_parquet(getvariable('log'))
WHERE date < getvariable('as_of')
GROUP BY customer_id
ORDER BY customer_id
