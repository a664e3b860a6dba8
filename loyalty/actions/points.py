def ship_earn_rule() -> None:
    pass
