"""A running subscription over the rules alone: what its workflow and activities would do.

No database, no gateway and no waiting: due things are done in order, and what a payment comes to is
said by the test.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from billing import (
    changing,
    closing,
    commands,
    giving_up,
    lifecycle,
    one_off_charge,
    pausing,
    receiving,
    sending,
    settlement,
)
from billing.agenda import ActionKind, NextAction, next_action, overdue_boundary
from billing.billing_mode import BillingMode
from billing.catalog import Product
from billing.change import ChangeRequest, PlannedChange, unused
from billing.credit_note import UnusedPart, lapsed_lines, unused_lines
from billing.currency_option import CurrencyOption
from billing.decline import Decline
from billing.discount import Coupon, RedeemedDiscount
from billing.errors import InvalidInput
from billing.estimate import renewal_after
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceDraft, InvoiceRecord, InvoiceStatus, draft_for_change
from billing.invoice_item import InvoiceItem
from billing.lifecycle import NextPeriod
from billing.message import Message
from billing.money import Money
from billing.offer import Offer, terms_of
from billing.payment import (
    ActionRequired,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    NotAuthenticated,
    Paid,
    Processing,
)
from billing.period import Period
from billing.price import Price
from billing.price_model import PerUnit, PriceModel, Tier, Volume
from billing.proration import Debit
from billing.received_payment import ReceivedBy, ReportedPayment
from billing.requested_change import ChangeBasis, plan_request
from billing.subscription import (
    ChangeResult,
    CommandName,
    EndReason,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from billing.tax import UNTAXED, Taxation
from billing.upcoming import accrued_invoice, drafted, upcoming_invoice, upcoming_period
from tests.billing.books import Books

MONTH, YEAR = Interval(unit=IntervalUnit.MONTH), Interval(unit=IntervalUnit.YEAR)
SOFT = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))
STOLEN = Declined(decline=Decline(code="card_declined", decline_code="stolen_card"))
CHALLENGE = ActionRequired(url="https://bank.example.com")
PROCESSING = Processing()
NO_METHOD = NoPaymentMethod()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def offer(
    price_id: str,
    unit_minor: int | str,
    *,
    product: Product | None = None,
    interval: Interval = MONTH,
    currency: str = "USD",
    also: Mapping[str, int] = MappingProxyType({}),
    bounds: tuple[int, ...] = (),
    billing: BillingMode = BillingMode.IN_ADVANCE,
) -> Offer:
    """`product` is one of the family `plan`, called like the price unless it is given.

    `also` is what a unit costs in other currencies. Beyond each of `bounds` every unit is cheaper
    by a fifth of that: more of them may cost less in all.
    """
    sold = product or Product(id=price_id, name=price_id.title(), family="plan")
    price = Price(
        id=price_id,
        product_id=sold.id,
        currency=currency,
        model=_model(Decimal(unit_minor), bounds),
        interval=interval,
        billing=billing,
        unit_name="seat",
        currency_options={
            code: CurrencyOption(model=_model(Decimal(minor), bounds))
            for code, minor in also.items()
        },
    )
    return Offer(product=sold, price=price)


def _model(unit_minor: Decimal, bounds: tuple[int, ...]) -> PriceModel:
    if not bounds:
        return PerUnit(unit_amount_minor=unit_minor)
    ends = (*bounds, None)
    return Volume(
        tiers=tuple(
            Tier(up_to=end, unit_amount_minor=unit_minor * (5 - number) / 5)
            for number, end in enumerate(ends)
        )
    )


class Running:
    """One subscription, from the moment when its customer was ready to pay, or before it."""

    def __init__(
        self,
        *catalog: Offer,
        start: datetime,
        quantity: int = 1,
        is_ready: bool = True,
        coupons: tuple[Coupon, ...] = (),
        taxation: Taxation = UNTAXED,
        currency: str | None = None,
        first_items: tuple[InvoiceItem, ...] = (),
        anchored_at: datetime | None = None,
    ) -> None:
        """To the first offer of the `catalog`, with its product's trial if that has one.

        In its first currency, or in the one that the buyer says.
        """
        self.catalog = {each.price.id: each for each in catalog}
        sold = catalog[0].in_currency(currency or catalog[0].price.currency)
        terms = terms_of(
            sold,
            quantity=quantity,
            trial=sold.product.trial,
            segment=None,
            anchored_at=anchored_at,
        )
        incomplete = SubscriptionState(
            subscription_id="sub_1",
            customer_id="cus_1",
            terms=terms,
            created_at=start,
            checkout_expires_at=start + timedelta(hours=24),
            discounts=tuple(RedeemedDiscount(coupon=each, redeemed_at=start) for each in coupons),
            first_items=first_items,
        )
        self.taxation = taxation
        """How the customer is taxed from now on."""
        self.state = lifecycle.checkout_completed(incomplete, start) if is_ready else incomplete
        self.now = start
        self.books = Books(currency=sold.price.currency)
        self.steps: list[tuple[SubscriptionState, SubscriptionState]] = []
        """Every transition, as what was before and after it."""
        self.attempts: list[datetime] = []
        self.messages: list[Message] = []
        self._commands = 0

    @property
    def status(self) -> SubscriptionStatus:
        return self.state.status

    def price_of(self, terms: Terms) -> Price:
        """What was sold, as it is in the currency of the terms."""
        return self.catalog[terms.price_id].price.in_currency(terms.currency)

    def until(
        self, instant: datetime | str, *outcomes: CollectionOutcome | None
    ) -> SubscriptionState:
        """Everything that is due by then is done on time; `outcomes` are what payments come to.

        The last one repeats; None, and nothing said, is a payment that succeeds.
        """
        end = at(instant) if isinstance(instant, str) else instant
        answers = self._answers(outcomes)
        while (action := next_action(self.state)) is not None and action.at <= end:
            self.now = max(self.now, action.at)
            answer = next(answers) if action.kind is ActionKind.COLLECT else None
            self.perform(action, answer)
        self.now = max(self.now, end)
        return self.state

    def perform(  # noqa: C901, PLR0912 - one case per kind
        self, action: NextAction, outcome: CollectionOutcome | None
    ) -> None:
        """The one thing, with what a payment comes to."""
        before = self.state
        match action.kind:
            case ActionKind.ACTIVATE:
                self._activate(outcome)
            case ActionKind.COLLECT:
                self.collect(action.invoice_id or "", outcome)
            case ActionKind.VOID_INVOICES:
                self.void(outcome)
            case ActionKind.GIVE_BACK:
                self._give_back_late(action.invoice_id or "")
            case ActionKind.REMIND:
                self._becomes(sending.reminded(self.state, action.invoice_id or "", self.now))
            case ActionKind.FALL_DUE:
                self._becomes(sending.fell_due(self.state, action.invoice_id or ""))
            case ActionKind.SUSPEND:
                self._becomes(giving_up.suspended(self.state, self.now))
            case ActionKind.GIVE_UP if giving_up.to_rule_out(self.state) is not None:
                self.rule_out(outcome)
            case ActionKind.GIVE_UP:
                self._becomes(giving_up.gave_up(self.state, self.now, fallback=self._fallback()))
            case ActionKind.RESUME:
                self._resume(action.at)
            case ActionKind.NOTIFY_TRIAL_END:
                self._becomes(lifecycle.trial_end_noticed(self.state, self.now))
            case ActionKind.CANCEL:
                self._end(EndReason.REQUESTED, action.at)
            case ActionKind.COMPLETE:
                self._becomes(lifecycle.completed(self.state, self.now))
            case ActionKind.EXPIRE_CHECKOUT:
                self._end(EndReason.CHECKOUT_EXPIRED, action.at)
            case ActionKind.CONVERT_TRIAL | ActionKind.RENEW | ActionKind.BILL_LAST:
                self._bill()
        assert self.state != before, f"{action} changes nothing and would be done for ever"

    def plan(
        self, price_id: str | None = None, *, quantity: int | None = None, more: int | None = None
    ) -> PlannedChange:
        """What the change would cost now."""
        request = ChangeRequest(price_id=price_id, quantity=quantity, quantity_change=more)
        return plan_request(self.state, request, self._basis(price_id), at=self.now)

    def _basis(self, price_id: str | None) -> ChangeBasis:
        return ChangeBasis(
            current_price=self.price_of(self.state.terms),
            offer=None if price_id is None else self.catalog[price_id],
            segment=None,
            debits=self._debits(with_sent=True),
            migration_price=self._migration_price(),
            accrued_prices=tuple(self.price_of(part.terms) for part in self.state.accrued),
            taxation=self.taxation,
        )

    def change(
        self, price_id: str | None = None, *, quantity: int | None = None, more: int | None = None
    ) -> ChangeResult:
        """What is to be paid first is charged by `until`, or by `collect`."""
        plan = self.plan(price_id, quantity=quantity, more=more)
        estimated = renewal_after(self.state, plan, self._basis(price_id))
        command_id = self._command_id()
        invoice = self._invoiced(plan, command_id)
        if plan.is_deferred:
            result = ChangeResult.SCHEDULED
            after = changing.change_scheduled(self.state, plan, command_id, self.now)
        elif invoice is None:
            result = ChangeResult.APPLIED
            after = changing.change_in_force(self.state, plan, command_id, self.now)
        else:
            is_due = invoice.amount_due.amount_minor > 0 and invoice.net_days is None
            result = ChangeResult.PAYING if is_due else ChangeResult.APPLIED
            after = changing.change_paid_first(self.state, plan, invoice, command_id, self.now)
        invoice_id = None if invoice is None else invoice.id
        remembered = lifecycle.command_applied(
            after, after, command_id, self.now, result=result, invoice_id=invoice_id
        )
        self._becomes(remembered.changed())
        if result is not ChangeResult.PAYING:
            self._was_estimated(estimated)
        return result

    def charge(self, item: InvoiceItem) -> InvoiceDraft:
        """Something is charged once, by an invoice of its own."""
        one_off_charge.check_chargeable_now(self.state, item.amount)
        draft = one_off_charge.drafted(
            self.state,
            item,
            price=self.price_of(self.state.terms),
            taxation=self.taxation,
            now=self.now,
        )
        invoice = self.books.finalize(draft)
        charged = one_off_charge.charged(
            self.state, invoice, carried=draft.carried, uses=draft.uses
        )
        self._becomes(charged)
        return draft

    def _was_estimated(self, estimated: Money) -> None:
        """What the preview of a change says of the next renewal is what is foreseen after it."""
        following = upcoming_period(self.state, has_method=True)
        if following is not None:
            price, nothing = self.price_of(following.terms), Money.zero(estimated.currency)
            foreseen = upcoming_invoice(
                self.state,
                following,
                price=price,
                accrued_prices=self._accrued_prices(following),
                balance=nothing,
                taxation=self.taxation,
            )
            assert foreseen.draft.total == estimated

    def _migration_price(self) -> Price | None:
        plan = self.state.waiting_migration
        return None if plan is None else self.price_of(plan.target)

    def upgrade(
        self, price_id: str | None = None, *, quantity: int | None = None, more: int | None = None
    ) -> list[int]:
        """The change, paid at once; the amounts of its lines."""
        lines = self.plan(price_id, quantity=quantity, more=more).lines
        self.change(price_id, quantity=quantity, more=more)
        if self.state.change is not None:
            self.collect(self.state.change.invoice_id, None)
        return [line.amount.amount_minor for line in lines]

    def pause(self, until: datetime | str | None = None) -> None:
        resumes_at = at(until) if isinstance(until, str) else until
        self.command(lambda state, now: pausing.paused(state, resumes_at, now))

    def resume(self) -> None:
        commands.check_command(self.state, CommandName.RESUME)
        self._resume(self.now, command_id=self._command_id())

    def cancel_now(self, unused_part: UnusedPart = UnusedPart.NONE) -> int:
        """What is given back."""
        gives_back = unused_part is not UnusedPart.NONE
        command_id = self._command_id()
        promise = pausing.promised_back(self.state, self.now, cause=command_id, unused=unused_part)
        after = commands.cancel_now(
            self.state, self.now, gives_back=gives_back, promised_back=promise
        )
        part = pausing.unused_part(self.state, self.now)
        given = 0
        if gives_back and part is not None:
            to_card = unused_part is UnusedPart.REFUND
            given = self._give_back(part, f"cancel:{command_id}", to_card=to_card)
        self._becomes(lifecycle.command_applied(self.state, after, command_id, self.now))
        return given

    def command(self, change: Callable[[SubscriptionState, datetime], SubscriptionState]) -> None:
        """Any other command, by what it changes."""
        after = change(self.state, self.now)
        self._becomes(lifecycle.command_applied(self.state, after, self._command_id(), self.now))

    def hear(self, change: Callable[[SubscriptionState, datetime], SubscriptionState]) -> None:
        """News, by what it changes."""
        self._becomes(change(self.state, self.now))

    def catch_up(self) -> None:
        """The boundaries that came before a command are dealt with before it (policy P7)."""
        while overdue_boundary(self.state, self.now):
            action = next_action(self.state)
            assert action is not None
            self.perform(action, None)

    def collect(self, invoice_id: str, outcome: CollectionOutcome | None) -> None:
        """One attempt to collect an invoice; None is one that succeeds."""
        before = self.state
        due = self.books.record(invoice_id).amount_due
        result = Paid(amount=due, paid_at=self.now) if outcome is None else outcome
        self.attempts.append(self.now)
        if isinstance(result, Paid):
            self.books.pay(invoice_id, self.now)
            self._return_given_up(before, invoice_id)
        self._becomes(settlement.collected(before, invoice_id, result, self.now))
        invoice = before.open_invoice(invoice_id)
        if invoice is None or invoice.for_change is None:
            return
        if self.state.open_invoice(invoice_id) is None:
            self._settle_change(before, invoice_id)

    def receive(self, invoice_id: str, minor: int) -> None:
        """So much came by bank transfer; where it is in full, it is a payment like any other."""
        before, reference = self.state, self._command_id()
        amount = self.books.money(minor)
        reported = ReportedPayment(
            amount=amount,
            received_at=self.now,
            method=ReceivedBy.BANK_TRANSFER,
            reference=reference,
        )
        if before.open_invoice(invoice_id) is None:
            receiving.check_recoverable(self.books.record(invoice_id), reported, self.now)
        else:
            receiving.check_recordable(before, invoice_id, reported, self.now)
        payment = self.books.receive(invoice_id, minor, reference, self.now)
        self._becomes(receiving.received(before, payment, self.now))

    def rule_out(self, outcome: CollectionOutcome | None) -> None:
        """The last look before the final action; only money that is there counts."""
        waiting = giving_up.to_rule_out(self.state)
        assert waiting is not None
        result = outcome if isinstance(outcome, Paid) else NotAuthenticated()
        if isinstance(result, Paid):
            self.books.pay(waiting.invoice_id, self.now)
        self._becomes(settlement.collected(self.state, waiting.invoice_id, result, self.now))

    def void(self, outcome: CollectionOutcome | None = None) -> None:
        """`outcome` is what the first one turns out to have come to; None is nothing yet."""
        ids = closing.invoices_to_void(self.state, self.now)
        assert ids
        processing = ids[:1] if isinstance(outcome, Processing) else ()
        paid = ids[:1] if isinstance(outcome, Paid) else ()
        closed = ids[len(processing) :]
        before = self.state
        known = (invoice.invoice_id for invoice in before.open_invoices)
        bad = (invoice_id for invoice_id in known if closing.is_loss(before, invoice_id))
        lost = [invoice_id for invoice_id in bad if invoice_id not in (*paid, *processing)]
        for invoice_id in paid:
            self.books.pay(invoice_id, self.now)
            self._return_given_up(before, invoice_id)
        for invoice_id in closed:
            if self.books.record(invoice_id).change_id is not None:
                self._settle_change(before, invoice_id)
            elif invoice_id in lost:
                self.books.lose(invoice_id, self.now)
            elif invoice_id not in paid:
                is_lost = closing.is_loss(before, invoice_id)
                (self.books.lose if is_lost else self.books.void)(invoice_id, self.now)
        self._becomes(
            closing.invoices_closed(
                before,
                closed=closed,
                processing=processing,
                paid=paid,
                lost=lost,
                now=self.now,
            )
        )

    def told(self) -> list[str]:
        """The kinds of messages, in order."""
        return [message.kind.value for message in self.messages]

    def _becomes(self, state: SubscriptionState) -> None:
        for write_off in state.written_off[len(self.state.written_off) :]:
            self.books.write_off(write_off, customer_id=state.customer_id)
        self.steps.append((self.state, state))
        self.messages += state.messages
        self.state = state.model_copy(update={"messages": ()})

    def _answers(
        self, outcomes: tuple[CollectionOutcome | None, ...]
    ) -> Iterator[CollectionOutcome | None]:
        yield from outcomes
        while True:
            yield outcomes[-1] if outcomes else None

    def _command_id(self) -> str:
        self._commands += 1
        return f"cmd_{self._commands}"

    def _debits(self, *, with_sent: bool = False) -> tuple[Debit, ...]:
        if self.state.period is None:
            return ()
        return self.books.debits(ending_after=self.state.period.start, with_sent=with_sent)

    def _fallback(self) -> Terms | None:
        wanted = self.state.terms.free_fallback_price_id
        if wanted is None:
            return None
        try:
            found = self.catalog[wanted].in_currency(self.state.terms.currency)
        except InvalidInput:
            return None
        return terms_of(found, quantity=1, trial=None, segment=None)

    def _activate(self, outcome: CollectionOutcome | None) -> None:
        if self.state.open_invoices:
            self.collect(self.state.open_invoices[0].invoice_id, outcome)
        elif self.state.terms.trial is not None:
            trial = lifecycle.first_trial(self.state, self.now)
            self._becomes(lifecycle.trial_started(self.state, trial))
        else:
            self._bill()

    def _give_back_late(self, invoice_id: str) -> None:
        promise = self.state.promised_back
        assert promise is not None
        to_card = promise.unused is UnusedPart.REFUND
        self._give_back(promise.part, f"late:{invoice_id}", to_card=to_card, of=invoice_id)
        self._becomes(closing.given_back(self.state, invoice_id))

    def _bill(self) -> None:
        following = lifecycle.next_billing(self.state, self.now)
        price = self.price_of(following.terms)
        draft = drafted(
            self.state,
            following,
            price=price,
            accrued_prices=self._accrued_prices(following),
            taxation=self.taxation,
            now=self.now,
        )
        self._was_foreseen(following, draft)
        invoice = self.books.finalize(draft) if draft.lines else None
        invoice_id = None if invoice is None else invoice.id
        amount_due = draft.total if invoice is None else invoice.amount_due
        due_at = draft.due_at if invoice is None else invoice.due_at
        net_days = None if invoice is None else invoice.net_days
        if self.state.has_ended:
            self._becomes(
                lifecycle.last_billed(
                    self.state,
                    invoice_id=invoice_id,
                    amount_due=amount_due,
                    due_at=due_at,
                    carried=draft.carried,
                    uses=draft.uses,
                    net_days=net_days,
                )
            )
            return
        self._becomes(
            lifecycle.period_billed(
                self.state,
                number=following.number,
                period=following.period,
                anchor_at=following.anchor_at,
                anchor_number=following.anchor_number,
                invoice_id=invoice_id,
                amount_due=amount_due,
                due_at=due_at,
                carried=draft.carried,
                uses=draft.uses,
                for_the_past=bool(following.accrued),
                net_days=net_days,
            )
        )

    def _accrued_prices(self, following: NextPeriod) -> tuple[Price, ...]:
        return tuple(self.price_of(part.terms) for part in following.accrued)

    def _was_foreseen(self, following: NextPeriod, draft: InvoiceDraft) -> None:
        """What a preview says a moment before is what is billed; checkouts have none."""
        foreseen = upcoming_period(self.state, has_method=True)
        if self.state.status is SubscriptionStatus.INCOMPLETE:
            assert foreseen is None
            return
        assert foreseen == following
        price = self.price_of(following.terms)
        nothing = Money.zero(price.currency)
        preview = upcoming_invoice(
            self.state,
            foreseen,
            price=price,
            accrued_prices=self._accrued_prices(foreseen),
            balance=nothing,
            taxation=self.taxation,
        ).draft
        assert (preview.lines, preview.total) == (draft.lines, draft.total)
        if following.accrued:
            self._was_rehearsed(following, draft)

    def _was_rehearsed(self, following: NextPeriod, draft: InvoiceDraft) -> None:
        """What a rehearsal says of time that was had is what is billed for it."""
        accrued = accrued_invoice(self.state, price_of=self.price_of)
        assert accrued is not None
        assert accrued.at == following.billed.start
        of_time = (
            line.amount
            for line in draft.lines
            if line.period.end <= accrued.at
            and line.item_id is None
            and not line.description.startswith("Carried")
        )
        assert accrued.amount == sum(of_time, Money.zero(self.books.currency))

    def _end(self, reason: EndReason, due_at: datetime) -> None:
        self._becomes(lifecycle.ended(self.state, reason, min(self.now, due_at)))

    def _invoiced(self, plan: PlannedChange, change_id: str) -> InvoiceRecord | None:
        if not plan.lines:
            return None
        draft = draft_for_change(
            customer_id=self.state.customer_id,
            subscription_id=self.state.subscription_id,
            change_id=change_id,
            lines=plan.lines,
            carried=plan.carried,
            uses=plan.uses,
            at=plan.at,
            now=self.now,
        )
        return self.books.finalize(draft)

    def _settle_change(self, before: SubscriptionState, invoice_id: str) -> None:
        """A change that was not paid leaves no debt; money that came too late is given back."""
        record = self.books.record(invoice_id)
        if record.status is InvoiceStatus.OPEN:
            self.books.void(invoice_id, self.now)
        elif not changing.still_applies(before):
            lines = lapsed_lines(self.books.debits_of(invoice_id), record.total)
            self.books.give_back(lines, f"lapsed:{invoice_id}", self.now)

    def _return_given_up(self, before: SubscriptionState, invoice_id: str) -> None:
        """All that is paid for what is not owed any more."""
        invoice = before.open_invoice(invoice_id)
        if invoice is not None and invoice.is_bad_debt:
            return
        if invoice is not None and invoice.given_up and invoice.for_change is None:
            record = self.books.record(invoice_id)
            lines = lapsed_lines(self.books.debits_of(invoice_id), record.total)
            self.books.give_back(lines, f"not_owed:{invoice_id}", self.now)

    def _resume(self, instant: datetime, *, command_id: str | None = None) -> None:
        part = pausing.paused_part(self.state, instant)
        pausing.resumed(self.state, instant)
        if part is not None:
            asked, given = self._asked(part), self._give_back(part, f"pause:{part.start}")
            left = Money(amount_minor=asked - given, currency=self.state.terms.currency)
            self._becomes(pausing.carried_less(self.state, left))
        after = pausing.resumed(self.state, instant)
        if command_id is not None:
            after = lifecycle.command_applied(self.state, after, command_id, self.now)
        self._becomes(after)

    def _asked(self, part: Period) -> int:
        debits = tuple(unused(self.state, self._debits(), part.start))
        lines = unused_lines(debits, part, self.state.terms.proration)
        return sum(line.total.amount_minor for line in lines)

    def _give_back(
        self, part: Period, source: str, *, to_card: bool = False, of: str | None = None
    ) -> int:
        """Of what that invoice charged, or of everything."""
        paid = (debit for debit in self._debits() if of in {None, debit.ref.invoice_id})
        debits = tuple(unused(self.state, tuple(paid), part.start))
        lines = unused_lines(debits, part, self.state.terms.proration)
        return self.books.give_back(lines, source, self.now, to_card=to_card).amount_minor
