"""Redis makes answers quick, and none depends on it: while it is away the cache is empty, and the work goes on."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import RedisError

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


class _Client(RedisCacheClient):
    is_away = False  # of the whole process: said once when it goes, and once when it is back

    def get(self, key: Any, default: Any) -> Any:
        return _unless_away(lambda: super(_Client, self).get(key, default), default)

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        """True while Redis is away: what is locked by this is nobody else's either."""
        return _unless_away(lambda: super(_Client, self).add(key, value, timeout), True)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        _unless_away(lambda: super(_Client, self).set(key, value, timeout), None)

    def incr(self, key: Any, delta: int) -> int:
        return _unless_away(lambda: super(_Client, self).incr(key, delta), 0)

    def touch(self, key: Any, timeout: Any) -> bool:
        return _unless_away(lambda: super(_Client, self).touch(key, timeout), False)

    def delete(self, key: Any) -> bool:
        return _unless_away(lambda: super(_Client, self).delete(key), False)


class ForgivingRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client


def _unless_away(ask: Callable[[], Answer], otherwise: Answer) -> Answer:
    try:
        answer = ask()
    except RedisError as error:
        if not _Client.is_away:
            logger.error("Redis is away (%s): nothing is cached and no rate is limited until it is back.", error)
        _Client.is_away = True
        return otherwise
    if _Client.is_away:
        logger.warning("Redis is back.")
    _Client.is_away = False
    return answer
