def ship_playbooks() -> None:
    pass
