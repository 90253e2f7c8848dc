"""A small, strict, stateful Stripe that runs on one machine.

Owns: the parts of Stripe's HTTP API that Perennial calls, with Stripe's documented behaviour, its
signed webhooks, its hosted checkout page, and a control API that injects faults. Does not own:
anything of Perennial's. It imports nothing of the project and can be replaced by Stripe itself.
"""
