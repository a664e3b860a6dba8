"""A prompt that was used stays as it was: other words are another version."""

import re

from campaigns.ai.instructions import every_prompt, prompt
from campaigns.models import ModelCall

# The first sixteen characters of each file's SHA-256. A new version gets a line; no line is ever changed.
KEPT = {
    "make_pictures.v1": "2be359f59e19e4f8",
    "plan_week.v1": "3919cfdd0c091d83",
    "plan_week.v2": "cad70b9de9e1aa2f",
    "plan_week.v3": "610c066e3453d417",
    "plan_week.v4": "c4c2ad4e83c231d5",
    "plan_week.v5": "d5b06e272c70881d",
    "plan_week.v6": "95ba9d71f09aa12e",
    "regenerate_step.v1": "76244a3a1e2a095f",
    "regenerate_step.v2": "587efd8d1757c114",
    "rewrite.v1": "fba1459e92a7b2cc",
    "rewrite.v2": "281040bfb8ddb5bf",
    "write_brief.v1": "ad6cbaa9cdaa44f3",
    "write_variants.v1": "aa9c5d7e3366e777",
    "write_variants.v2": "fc267d2750f02311",
}


def test_each_prompt_says_what_it_said_when_it_was_first_used() -> None:
    """When this fails, copy the file under the next version, and leave the old one as it was."""
    assert {each.name: each.digest[:16] for each in every_prompt()} == KEPT


def test_the_newest_version_is_the_one_that_is_used() -> None:
    for task in {re.sub(r"\.v\d+$", "", each.name) for each in every_prompt()}:
        versions = [each for each in every_prompt() if each.name.startswith(f"{task}.v")]
        assert prompt(task) == max(versions, key=lambda each: int(each.name.rpartition(".v")[2]))
        assert task in ModelCall.Task.values
