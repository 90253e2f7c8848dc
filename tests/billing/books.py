"""One customer's books, kept in memory by the same rules as in the database.

Debits, balance, payments and credit notes, for rules that follow from what was charged before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing import ledger
from billing.balance import applicable
from billing.credit_note import (
    CreditNoteDraft,
    CreditNoteLine,
    CreditReason,
    Settled,
    by_invoice,
    draft_for,
    to_sources,
    within,
)
from billing.currency import minimum_charge_minor
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.period import Period
from billing.proration import Debit, LineRef
from billing.received_payment import ReceivedBy, ReceivedPayment, ReportedPayment
from billing.write_off import WriteOff


@dataclass
class Booked:
    """A finalised invoice and what became of it."""

    draft: InvoiceDraft
    status: InvoiceStatus
    from_balance: int
    net_days: int | None
    received: int = 0
    """What came of it outside the gateway."""
    was_lost: bool = False
    """A bad debt, or one that was paid after all."""

    @property
    def is_left_over(self) -> bool:
        """Whether a transfer has left too little to charge, but for a change that waits for it."""
        waits = self.draft.change_id is not None and self.net_days is None
        is_little = self.due_minor < minimum_charge_minor(self.draft.currency)
        return self.status is InvoiceStatus.OPEN and self.received > 0 and is_little and not waits

    @property
    def due_minor(self) -> int:
        """What a card has to pay, or has paid."""
        return max(self.draft.total.amount_minor, 0) - self.from_balance - self.received


@dataclass
class Books:
    """In one currency; amounts are minor units."""

    currency: str = "USD"
    net_days: int | None = None
    """The customer's terms: what is finalised from now on is sent, where there are any."""
    balance: int = 0
    cash: int = 0
    bank: int = 0
    invoices: dict[str, Booked] = field(default_factory=dict)
    notes: list[CreditNoteDraft] = field(default_factory=list)
    entries: list[ledger.JournalEntry] = field(default_factory=list)

    def money(self, minor: int) -> Money:
        return Money(amount_minor=minor, currency=self.currency)

    def finalize(self, draft: InvoiceDraft) -> InvoiceRecord:
        assert draft.id not in self.invoices
        total = draft.total.amount_minor
        used = applicable(self.money(self.balance), draft.total)
        is_paid = total <= used.amount_minor
        status = InvoiceStatus.PAID if is_paid else InvoiceStatus.OPEN
        if self.net_days is not None:
            due_at = draft.finalized_at + timedelta(days=self.net_days)
            draft = draft.model_copy(update={"due_at": due_at})
        self.invoices[draft.id] = Booked(draft, status, used.amount_minor, self.net_days)
        self.balance += max(-total, 0) - used.amount_minor
        self._post(ledger.invoice_finalized(draft, from_balance=used))
        return self.record(draft.id)

    def record(self, invoice_id: str) -> InvoiceRecord:
        booked = self.invoices[invoice_id]
        draft = booked.draft
        is_paid = booked.status is InvoiceStatus.PAID
        return InvoiceRecord(
            id=draft.id,
            number=f"IN-{len(self.invoices)}",
            status=booked.status,
            customer_id=draft.customer_id,
            subscription_id=draft.subscription_id,
            total=draft.total,
            paid=self.money(booked.received + (booked.due_minor if is_paid else 0)),
            from_balance=self.money(booked.from_balance),
            period=draft.period,
            due_at=draft.due_at,
            net_days=booked.net_days,
            change_id=draft.change_id,
            discount_minor=draft.discount.amount_minor,
            tax_minor=draft.tax.amount_minor,
            tax_included_minor=draft.tax_included.amount_minor,
        )

    def pay(self, invoice_id: str, at: datetime) -> None:
        booked = self.invoices[invoice_id]
        assert booked.status is InvoiceStatus.OPEN
        booked.status = InvoiceStatus.PAID
        self.cash += booked.due_minor
        self._post(
            ledger.payment_received(
                invoice_id=invoice_id,
                customer_id=booked.draft.customer_id,
                payment_intent_id=f"pi_{invoice_id}",
                amount=self.money(booked.due_minor),
                paid_at=at,
            )
        )

    def receive(self, invoice_id: str, minor: int, reference: str, at: datetime) -> ReceivedPayment:
        booked, before = self.invoices[invoice_id], self.record(invoice_id)
        assert booked.status in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}
        reported = ReportedPayment(
            amount=self.money(minor),
            received_at=at,
            method=ReceivedBy.BANK_TRANSFER,
            reference=reference,
        )
        payment = ReceivedPayment.on(before, reported, command_id=f"cmd_{reference}", now=at)
        booked.received += payment.applied.amount_minor
        if payment.pays_the_rest:
            booked.status = InvoiceStatus.PAID
        self.bank += minor
        self.balance += payment.to_balance.amount_minor
        self._post(ledger.payment_recorded(payment, of=before))
        return payment

    def void(self, invoice_id: str, at: datetime) -> None:
        booked = self.invoices[invoice_id]
        assert booked.status is InvoiceStatus.OPEN
        self._post(ledger.invoice_voided(self.record(invoice_id), voided_at=at))
        booked.status = InvoiceStatus.VOID
        self.balance += booked.from_balance + booked.received

    def lose(self, invoice_id: str, at: datetime) -> None:
        booked = self.invoices[invoice_id]
        assert booked.status is InvoiceStatus.OPEN
        self._post(ledger.invoice_uncollectible(self.record(invoice_id), at=at))
        booked.status, booked.was_lost = InvoiceStatus.UNCOLLECTIBLE, True

    def write_off(self, write_off: WriteOff, *, customer_id: str) -> None:
        assert write_off.invoice_id in self.invoices
        self._post(ledger.written_off(write_off, customer_id=customer_id))

    def debits(self, *, ending_after: datetime, with_sent: bool = False) -> tuple[Debit, ...]:
        """The positive lines of paid invoices whose period ends later; without one-off charges.

        Paid but for too little to charge is paid here.
        Of open ones that were sent too, where they are asked for.
        """
        paid = (
            i
            for i, b in self.invoices.items()
            if b.status is InvoiceStatus.PAID
            or b.is_left_over
            or (with_sent and b.status is InvoiceStatus.OPEN and b.net_days is not None)
        )
        found = (debit for invoice_id in paid for debit in self.debits_of(invoice_id))
        return tuple(
            debit
            for debit in found
            if debit.period.end > ending_after and self._line(debit.ref).item_id is None
        )

    def debits_of(self, invoice_id: str) -> tuple[Debit, ...]:
        lines = enumerate(self.invoices[invoice_id].draft.lines, start=1)
        return tuple(
            self._debit(invoice_id, position)
            for position, line in lines
            if line.net.amount_minor > 0
        )

    def _line(self, ref: LineRef) -> InvoiceLine:
        return self.invoices[ref.invoice_id].draft.lines[ref.position - 1]

    def settled(self, invoice_id: str) -> Settled:
        booked, record = self.invoices[invoice_id], self.record(invoice_id)
        notes = [note for note in self.notes if note.invoice_id == invoice_id]
        credits_ = [line for line in booked.draft.lines if not self._gives_back_of_a_debt(line)]
        credited = -sum(line.total.amount_minor for line in credits_ if line.credits)
        below_zero = min(booked.draft.total.amount_minor, 0)
        by_card = record.paid - self.money(booked.received)
        by_others = booked.from_balance + booked.received
        return Settled(
            invoice_id=invoice_id,
            payment_id=f"pi_{invoice_id}" if by_card.amount_minor else None,
            by_card=by_card,
            by_balance=self.money(by_others + max(credited + below_zero, 0)),
            card_returned=self.money(sum(note.to_card.amount_minor for note in notes)),
            balance_returned=self.money(sum(note.to_balance.amount_minor for note in notes)),
        )

    def _gives_back_of_a_debt(self, line: InvoiceLine) -> bool:
        """Whether it has paid nothing so far: what it gives back of was sent and is not paid."""
        if line.credits is None:
            return False
        behind = self.invoices[line.credits.invoice_id]
        is_paid = behind.status in {InvoiceStatus.PAID, InvoiceStatus.VOID} or behind.is_left_over
        is_debt = behind.net_days is not None and not is_paid
        return is_debt or any(map(self._gives_back_of_a_debt, behind.draft.lines))

    def give_back(
        self, lines: Iterable[CreditNoteLine], source: str, now: datetime, *, to_card: bool = False
    ) -> Money:
        """One note per invoice; what is given back in all."""
        given = self.money(0)
        for invoice_id, asked in by_invoice(tuple(lines)):
            settled = self.settled(invoice_id)
            kept = within(asked, self.debits_of(invoice_id), paid=settled.left)
            total = sum((line.total for line in kept), self.money(0))
            if not kept:
                continue
            booked = self.invoices[invoice_id].draft
            card = to_sources(total, settled)[0] if to_card else self.money(0)
            note = draft_for(
                source=source,
                invoice_id=invoice_id,
                customer_id=booked.customer_id,
                subscription_id=booked.subscription_id,
                reason=CreditReason.CANCELED,
                lines=kept,
                to_card=card,
                now=now,
            )
            self.notes.append(note)
            self.balance += note.to_balance.amount_minor
            self.cash -= note.to_card.amount_minor
            self._post(ledger.credit_note_issued(note))
            given += note.total
        return given

    def posted(self, account: ledger.Account) -> int:
        """The account's balance; debits are positive."""
        postings = (posting for entry in self.entries for posting in entry.postings)
        return sum(p.amount.amount_minor for p in postings if p.account is account)

    def credits_of(self, ref: LineRef) -> Iterator[tuple[Period, int, int]]:
        """What gave back of a debit, for which time, how much, and how much of its tax."""
        for booked in self.invoices.values():
            if booked.status is not InvoiceStatus.VOID:
                for line in booked.draft.lines:
                    if line.credits == ref:
                        tax = 0 if line.tax is None else -line.tax.amount.amount_minor
                        yield line.period, -line.amount.amount_minor, tax
        for note in self.notes:
            for given in note.lines:
                if given.debit == ref:
                    tax = 0 if given.tax is None else given.tax.amount.amount_minor
                    yield given.period, given.amount.amount_minor, tax

    def _debit(self, invoice_id: str, position: int) -> Debit:
        line = self.invoices[invoice_id].draft.lines[position - 1]
        ref = LineRef(invoice_id=invoice_id, position=position)
        given = tuple(self.credits_of(ref))
        return Debit(
            ref=ref,
            description=line.description,
            price_id=line.price_id,
            price_version=line.price_version,
            quantity=line.quantity,
            period=line.period,
            amount=line.net,
            credited=self.money(sum(minor for _, minor, _ in given)),
            tax=line.tax,
            tax_credited_minor=sum(tax for _, _, tax in given),
            is_closed=any(period.end >= line.period.end for period, _, _ in given),
        )

    def _post(self, entry: ledger.JournalEntry | None) -> None:
        if entry is not None:
            assert entry.source_key not in {known.source_key for known in self.entries}
            self.entries.append(entry)
