"""The rules of hr-software.toml as a careful Python programmer writes them: dictionaries, no framework.

    python3 peer.py EVENTS UNTIL

reads a history in memory, then decides it: JSON, a hash of what each event means, duplicates, deals and their lifecycle, caps,
multipliers, corrections, promotions, reviews. It prints seconds for parsing and deciding and the digest of balances, lots and
tiers, which must be Laurel's. It validates nothing and keeps no reasons, records or versions: what it takes is the least that
these rules take in this language.
"""

import hashlib
import json
import sys
import time
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
RATES = {"USD": Decimal(1), "CAD": Decimal("0.73"), "EUR": Decimal("1.08"), "GBP": Decimal("1.27")}
BANDS = [(Decimal(50000), 1500), (Decimal(10000), 500), (Decimal("0.01"), 200)]
LEVELS = {101: 100, 201: 200, 301: 400}
SUMMER = (date(2026, 7, 1), date(2026, 9, 1))
CENT = Decimal("0.01")
# Months are counted: year * 12 + month - 1.
YEAR, QUARTER = 12, 3
EXPIRY = 24
EXCLUSIVE = timedelta(days=90)
BOOKS_CLOSE = timedelta(days=10)
NO_MEASURES = {"deals": 0, "acv": Decimal(0), "registrations": 0}


def month_of(day):
    return day.year * 12 + day.month - 1


def first_day(month):
    return date(month // 12, month % 12 + 1, 1)


def add_months(day, months):
    month = month_of(day) + months
    last = (first_day(month + 1) - timedelta(days=1)).day
    return date(month // 12, month % 12 + 1, min(day.day, last))


def quarter_start(month):
    return month - month % QUARTER


def closes(day):
    """When the books of a day's quarter close."""
    return first_day(quarter_start(month_of(day)) + QUARTER) + BOOKS_CLOSE


class Partner:
    def __init__(self):
        self.lots, self.owed, self.expired = {}, 0, {}
        self.measures, self.used = {}, {}
        self.tier, self.since, self.reviewed, self.came_down, self.demotes_on = None, None, None, False, None

    def measure(self, month, name, by):
        cells = self.measures.get(month)
        if cells is None:
            cells = self.measures[month] = dict(NO_MEASURES)
        cells[name] += by

    def measured(self, name, first, last):
        get = self.measures.get
        return sum(cells[name] for month in range(first, last + 1) if (cells := get(month)))

    def credit(self, points, lot):
        """Points first pay what is owed."""
        netted = min(points, self.owed)
        self.owed -= netted
        if points > netted:
            self.lots[lot] = self.lots.get(lot, 0) + points - netted

    def enters(self, first, last):
        """The highest tier whose entry is met."""
        if self.measured("deals", first, last) >= 5 or self.measured("acv", first, last) >= 250000:
            return "gold"
        if self.measured("registrations", first, last) >= 3 or self.measured("deals", first, last) >= 1:
            return "silver"
        return "member"

    def keeps(self, first, last):
        if self.tier == "gold":
            return self.measured("deals", first, last) >= 4 or self.measured("acv", first, last) >= 200000
        return self.measured("registrations", first, last) >= 3 or self.measured("deals", first, last) >= 1

    def promote(self, today):
        if self.tier == "gold":
            return
        month = month_of(today)
        best = self.enters(month - YEAR, month)
        if self.tier is None or (best != self.tier and best == "gold") or (self.tier == "member" and best == "silver"):
            self.tier, self.since, self.reviewed, self.came_down, self.demotes_on = best, today, None, False, None

    def next_review(self):
        """The day as of which the tier is reviewed next, and the day on which that is held."""
        if self.tier in (None, "member"):
            return None
        after = lambda day: first_day(quarter_start(month_of(day)) + QUARTER)

        def first(entry):
            day = add_months(entry, YEAR)
            start = first_day(quarter_start(month_of(day)))
            return start if start >= day else after(day)

        if self.reviewed is None:
            as_of = first(self.since)
        elif self.came_down:
            as_of = max(first(self.reviewed), after(self.reviewed))
        else:
            as_of = after(self.reviewed)
        return as_of, closes(as_of - timedelta(days=1))

    def catch_up(self, today):
        while True:
            review = self.next_review()
            due = review[1] if review else None
            lot = min(self.lots, default=None)
            runs_out = first_day(lot + 1) if lot is not None else None
            day = min((day for day in (due, runs_out) if day), default=None)
            if day is None or day > today:
                return
            if runs_out == day:
                self.expired[lot] = self.expired.get(lot, 0) + self.lots.pop(lot)
            if due is not None and due <= day:
                self.review(*review)

    def review(self, as_of, on):
        month, now = month_of(as_of), month_of(on)
        if self.keeps(month - YEAR, month - 1) or self.keeps(now - YEAR, now):
            self.demotes_on = None
        elif self.demotes_on is None:
            self.demotes_on = add_months(as_of, QUARTER)
        elif as_of >= self.demotes_on:
            lower = "silver" if self.tier == "gold" else "member"
            self.tier, self.since, self.came_down, self.demotes_on = lower, on, True, None
            self.reviewed = as_of
            return
        self.reviewed, self.came_down = as_of, False


class Deal:
    def __init__(self):
        self.registered = self.qualified = self.won = self.void = False
        self.closed = False


class Program:
    def __init__(self):
        self.partners, self.deals, self.opportunities, self.seen = {}, {}, {}, {}
        self.weeks = {}

    def take(self, line):
        event = json.loads(line)
        data = event["data"]
        means = [event["type"], event["subject"], event["time"], data]
        digest = hashlib.sha256(json.dumps(means, sort_keys=True, separators=(",", ":")).encode()).digest()
        identity = (event["program"], event["source"], event["id"])
        before = self.seen.get(identity)
        if before is not None:
            return "duplicate" if before == digest else "conflict"
        self.seen[identity] = digest
        today = datetime.fromisoformat(event["time"]).astimezone(ZONE).date()
        partner = self.partners.get(event["subject"])
        if partner is None:
            partner = self.partners[event["subject"]] = Partner()
        partner.catch_up(today)
        outcome = HANDLERS[event["type"]](self, partner, data, today)
        partner.promote(today)
        return outcome

    def enrolled(self, partner, data, today):
        return "no_rule"

    def viewed(self, partner, data, today):
        if data["seconds"] < 30:
            return "no_rule"
        week = today.isocalendar()[:2]
        person = ("reading", data["person_id"], data["content_id"], week)
        month = ("reading", today.year, today.month)
        used = partner.used
        if used.get(person, 0) >= 1 or used.get(month, 0) >= 50:
            return "refused"
        points = min(2, 50 - used.get(month, 0))
        used[person] = 1
        used[month] = used.get(month, 0) + points
        partner.credit(points, month_of(today) + EXPIRY)
        return "awarded"

    def course(self, partner, data, today):
        points = LEVELS.get(data["level"], 0)
        if not points:
            return "no_rule"
        once = ("training", data["person_id"], data["course_id"])
        if once in partner.used:
            return "refused"
        partner.used[once] = 1
        partner.credit(points, month_of(today) + EXPIRY)
        return "awarded"

    def certification(self, partner, data, today):
        return "no_rule"

    def registered(self, partner, data, today):
        taken = self.opportunities.get(data["opportunity_id"])
        if taken and taken[0] > today:
            return "refused"
        self.opportunities[data["opportunity_id"]] = (today + EXCLUSIVE, partner)
        self.deals.setdefault(data["deal_id"], Deal()).registered = True
        partner.measure(month_of(today), "registrations", 1)
        month = ("registration", today.year, today.month)
        if partner.used.get(month, 0) >= 20:
            return "refused"
        partner.used[month] = partner.used.get(month, 0) + 1
        partner.credit(50, month_of(today) + EXPIRY)
        return "awarded"

    def qualified(self, partner, data, today):
        self.deals[data["deal_id"]].qualified = True
        partner.credit(150, month_of(today) + EXPIRY)
        return "awarded"

    def worth(self, deal):
        acv = self.effective(deal)
        if deal.void or acv <= 0:
            return 0
        if deal.renewal:
            return 100
        in_dollars = (acv * deal.rate).quantize(CENT, ROUND_HALF_UP)
        base = next((points for least, points in BANDS if in_dollars >= least), 0)
        return int((base * deal.factor).to_integral_value(ROUND_FLOOR))

    def effective(self, deal):
        return Decimal(0) if deal.void else max(deal.annual - deal.reversed, Decimal(0))

    def closed(self, partner, data, today):
        deal = self.deals.setdefault(data["deal_id"], Deal())
        deal.closed, deal.won = True, data["outcome"] == "won"
        if not deal.won:
            return "no_rule"
        acv = data["acv"]
        deal.annual, deal.rate = Decimal(acv["amount"]), RATES[acv["currency"]]
        deal.reversed, deal.renewal, deal.month = Decimal(0), data.get("renewal", False), month_of(today)
        deal.measured = (deal.annual * deal.rate).quantize(CENT, ROUND_HALF_UP)
        deal.counts = 1
        partner.measure(deal.month, "deals", 1)
        partner.measure(deal.month, "acv", deal.measured)
        factor = Decimal(1)
        if not deal.renewal:
            if partner.tier == "gold":
                factor *= Decimal("1.25")
            if SUMMER[0] <= today < SUMMER[1]:
                factor *= 2
        deal.factor = factor
        points = self.worth(deal)
        lot = deal.month + EXPIRY
        deal.given, deal.peak, deal.taken, deal.lot, deal.placed = points, points, [], lot, {lot: points}
        partner.credit(points, lot)
        return "awarded" if points else "no_rule"

    def rate_again(self, partner, deal, today):
        worth = self.worth(deal)
        net = deal.given - sum(amount for _, amount in deal.taken)
        if worth < net:
            left = net - worth
            for lot in sorted(partner.lots, key=lambda lot: (lot not in deal.placed, lot)):
                taken = min(left, partner.lots[lot])
                if not taken:
                    continue
                partner.lots[lot] -= taken
                if not partner.lots[lot]:
                    del partner.lots[lot]
                left -= taken
                if deal.taken and deal.taken[-1][0] == lot:
                    deal.taken[-1] = (lot, deal.taken[-1][1] + taken)
                else:
                    deal.taken.append((lot, taken))
                if lot in deal.placed:
                    deal.placed[lot] -= taken
                    if deal.placed[lot] <= 0:
                        del deal.placed[lot]
            if left:
                partner.owed += left
                deal.taken.append(("owed", left))
        else:
            due = worth - net
            restored = min(sum(amount for _, amount in deal.taken), due)
            new = min(max(worth - deal.peak, 0), due - restored)
            left = restored
            while left:
                lot, amount = deal.taken.pop()
                back = min(left, amount)
                if back < amount:
                    deal.taken.append((lot, amount - back))
                to = deal.lot if lot == "owed" else lot
                partner.credit(back, to)
                deal.placed[to] = deal.placed.get(to, 0) + back
                left -= back
            if new:
                partner.credit(new, deal.lot)
                deal.placed[deal.lot] = deal.placed.get(deal.lot, 0) + new
                deal.given += new
        deal.peak = max(deal.peak, worth)
        void = deal.void or (deal.reversed > 0 and deal.reversed >= deal.annual)
        counts = 0 if void else 1
        measured = Decimal(0) if void else (self.effective(deal) * deal.rate).quantize(CENT, ROUND_HALF_UP)
        partner.measure(deal.month, "deals", counts - deal.counts)
        partner.measure(deal.month, "acv", measured - deal.measured)
        deal.counts, deal.measured = counts, measured
        return "awarded" if worth > net else "no_rule"

    def amended(self, partner, data, today):
        deal = self.deals[data["deal_id"]]
        # It says the value with what was reversed before.
        deal.annual, deal.reversed = Decimal(data["acv"]["amount"]), Decimal(0)
        return self.rate_again(partner, deal, today)

    def reversed(self, partner, data, today):
        deal = self.deals[data["deal_id"]]
        if deal.void:
            return "refused"
        if "amount" in data:
            deal.reversed += Decimal(data["amount"]["amount"])
        else:
            deal.void, deal.reversed = True, Decimal(0)
        return self.rate_again(partner, deal, today)

    def digest(self):
        text = []
        for name, partner in sorted(self.partners.items()):
            text.append(f"{name} {sum(partner.lots.values())} 0 0 {partner.owed}")
            for lot, points in sorted(partner.lots.items()):
                text.append(f" {lot // 12}-{lot % 12 + 1:02}:{points}")
            if partner.tier:
                text.append(f" sell={partner.tier} since {partner.since}")
            text.append("\n")
        return hashlib.sha256("".join(text).encode()).hexdigest(), "".join(text)


HANDLERS = {
    "partner.enrolled": Program.enrolled,
    "content.viewed": Program.viewed,
    "course.completed": Program.course,
    "certification.granted": Program.certification,
    "deal.registered": Program.registered,
    "deal.qualified": Program.qualified,
    "deal.closed": Program.closed,
    "deal.amended": Program.amended,
    "deal.reversed": Program.reversed,
}


def main():
    path, until = sys.argv[1], date.fromisoformat(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    program, outcomes = Program(), {}
    began = time.perf_counter()
    for line in lines:
        outcome = program.take(line)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    took = time.perf_counter() - began
    for partner in program.partners.values():
        partner.catch_up(until)
    digest, text = program.digest()
    if len(sys.argv) > 3:
        print(text, file=sys.stderr)
    print(json.dumps({"seconds": took, "outcomes": outcomes, "digest": digest}))


if __name__ == "__main__":
    main()
