"""All planted bugs, in the order of the rules that they break."""

from simulation.mutants import (
    of_again,
    of_backfills,
    of_budgets,
    of_calls,
    of_decisions,
    of_ending,
    of_explaining,
    of_history,
    of_items,
    of_limits,
    of_names,
    of_seeing,
    of_triggers,
    of_webhooks,
)

MUTANTS = (
    *of_names.MUTANTS,
    *of_seeing.MUTANTS,
    *of_ending.MUTANTS,
    *of_history.MUTANTS,
    *of_budgets.MUTANTS,
    *of_items.MUTANTS,
    *of_calls.MUTANTS,
    *of_decisions.MUTANTS,
    *of_again.MUTANTS,
    *of_limits.MUTANTS,
    *of_explaining.MUTANTS,
    *of_webhooks.MUTANTS,
    *of_triggers.MUTANTS,
    *of_backfills.MUTANTS,
)
