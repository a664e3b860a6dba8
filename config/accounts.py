"""How accounts behave here: people are invited, and a new password shuts every door the old one opened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils import timezone

from loyalty.actions.tokens import revoke_all_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class EndsApiTokens:
    """Refuses no password. Django tells each validator of every new one, wherever it was set."""

    def validate(self, password: str, user: Any = None) -> None:
        """Any will do."""

    def get_help_text(self) -> str:
        return "A new password signs you out elsewhere and revokes your API tokens."

    def password_changed(self, password: str, user: Any = None) -> None:
        if user is not None:
            revoke_all_of(user, now=timezone.now())
