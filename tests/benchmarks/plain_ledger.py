"""The limit of a ledger: entries appended one by one by eight clients of PostgreSQL's own pgbench, and no more."""

from django.db import connection

from tests.benchmarks import pgbench

ACCOUNTS = 100_000
_TABLES = f"""
    CREATE TABLE plain_account (id bigint PRIMARY KEY, balance bigint NOT NULL);
    INSERT INTO plain_account SELECT g, 0 FROM generate_series(1, {ACCOUNTS}) g;
    CREATE TABLE plain_entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES plain_account,
        delta bigint NOT NULL, balance_after bigint NOT NULL, reference text NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON plain_entry (account_id, id);
"""
_APPEND = f"""\\set account random(1, {ACCOUNTS})
INSERT INTO plain_entry (account_id, delta, balance_after, reference)
VALUES (:account, 10, 0, gen_random_uuid()::text);
"""


def make_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.execute("VACUUM ANALYZE plain_account")


def appended_per_second(*, seconds: int) -> float:
    return pgbench.per_second(_APPEND, seconds=seconds)
