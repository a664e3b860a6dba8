"""Whom a segment means: a rule tree over members.

    {"all": [rule, ...]}   every one holds; of none: everybody
    {"any": [rule, ...]}   at least one holds; of none: nobody
    {"not": rule}
    {"field": "stats.spent", "is": "at_least", "value": "100.00"}

`fields` lists what can be asked, `grammar` refuses what cannot be read, `facts` answers for one member in memory and
`words` says a rule in plain English. loyalty.queries.segments asks the database the same question: a property test
holds the two together.

A value that is missing (no birth date, no order yet) matches no comparison, so `not` of it holds. Counts and sums are
never missing: a member without orders has 0 orders and spent 0.
"""

from loyalty.rules.segments.facts import MemberFacts, Purchase, matches
from loyalty.rules.segments.fields import FIELDS, Field, Kind
from loyalty.rules.segments.grammar import Fault, Rule, faults_of

__all__ = ["FIELDS", "Fault", "Field", "Kind", "MemberFacts", "Purchase", "Rule", "faults_of", "matches"]
