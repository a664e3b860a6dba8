            WHERE entry.rule_id IS NOT NULL
            GROUP BY entry.order_id, entry.rule_id
        ) each_rule
        GROUP BY order_id
    )
    SELECT o.id, o.number, o.member_id, told.event_id, told.told_at, o.ordered_at, store.time_zone, o.total,
           o.paid_with_points, o.voided_at IS NOT NULL, store.code,
           o.delivered_at IS NOT NULL, coalesce(nets.rules, '{}'), coalesce(nets.nets, '{}')
    FROM told
    JOIN loyalty_order o ON o.number = told.number
    JOIN loyalty_store store ON store.id = o.store_id
