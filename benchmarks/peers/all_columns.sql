-- Every column of the customer table that this log can give, for one who knows SQL well:
-- lines to orders, orders to days, the gap before each day, days to customers.
WITH orders AS (
    SELECT
        customer_id,
        order_id,
        min(date) FILTER (quantity > 0) AS ordered_at,
        sum(amount) AS revenue,
        sum(amount) FILTER (quantity > 0) AS gross,
        sum(quantity) AS net_units,
        sum(quantity) FILTER (quantity > 0) AS units,
        count(*) FILTER (quantity > 0) AS lines
    FROM read_parquet(getvariable('log'))
    WHERE date < getvariable('as_of')
    GROUP BY customer_id, order_id
),

days AS (
    SELECT
        customer_id,
        CASE WHEN revenue > 0 THEN ordered_at::date END AS day,
        count(*) AS orders,
        sum(revenue) AS revenue,
        sum(gross) AS gross,
        sum(net_units) AS net_units,
        sum(units) AS units,
        sum(lines) AS lines,
        arg_min(revenue, ordered_at) AS first_amount,
        arg_min(units, ordered_at) AS first_units
    FROM orders
    GROUP BY customer_id, day
),

gaps AS (
    SELECT *, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap
    FROM days
),

customers AS (
    SELECT
        customer_id,
        min(day) AS first_order,
        max(day) AS last_order,
        sum(orders) FILTER (day IS NOT NULL) AS orders,
        sum(units) AS units,
        sum(net_units) AS net_units,
        sum(lines) AS lines,
        sum(gross) AS gross,
        sum(revenue) AS revenue,
        count(day) - 1 AS x,
        sum(revenue) FILTER (day IS NOT NULL) - arg_min(revenue, day) AS repeat_value,
        arg_min(first_amount, day) AS first_amount,
        arg_min(first_units, day) AS first_units,
        arg_max(gap, day) AS last_gap_days,
        median(gap) AS median_gap_days
    FROM gaps
    GROUP BY customer_id
)

SELECT
    customer_id,
    first_order,
    last_order,
    coalesce(orders, 0)::bigint AS orders,
    units::double AS units,
    lines::bigint AS lines,
    gross,
    gross - revenue AS returned,
    revenue,
    revenue / orders AS aov,
    getvariable('as_of') - last_order AS recency_days,
    getvariable('as_of') - first_order AS tenure_days,
    CASE WHEN orders > 0 THEN x END AS x,
    last_order - first_order AS t_x,
    getvariable('as_of') - first_order AS "T",
    CASE WHEN x > 0 THEN repeat_value / x END AS monetary_mean,
    first_amount,
    first_units::double AS first_units,
    (units - net_units) / nullif(units, 0) AS return_rate,
    last_gap_days,
    median_gap_days
FROM customers
ORDER BY customer_id
