#!/usr/bin/python3
"""Checks ledger.db and report.md against data/legacy: it reads the invoices by itself and compares every booking and total.

    python3 check_ledger.py            0: all agree; 1: they do not, and the output says where
    python3 check_ledger.py --totals   prints what the totals should be

The rules are those of bookkeeping.md. This program shares no code with the agent's importer and knows each vendor's format
by its own reader. A file that it cannot read is a failure, never skipped.
"""
import argparse
import csv
import datetime
import decimal
import email
import email.policy
import html.parser
import io
import json
import pathlib
import re
import sqlite3
import sys
from collections import namedtuple
from decimal import Decimal

YEAR = 2024
VENDORS = {"NW": "nordwind", "HCS": "halden", "AP": "prevost", "KF": "kestrel"}
NUMBER = re.compile(r"\b(?:(?:NW|HCS|AP)-\d{4}-\d+|KF-\d{4,})\b")
ENGLISH = "january february march april may june july august september october november december".split()
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
MAX_SHOWN = 12

Document = namedtuple("Document", "number date amount currency source")  # amount: Decimal, negative for a credit note


class Unreadable(Exception):
    """A file of data/legacy that does not follow any format this check knows."""


# --- small readers ----------------------------------------------------------------------------------------------------

def text_of(data):
    """UTF-8 where the bytes are UTF-8, otherwise Windows-1252: some files lie about it."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def amount_of(text, decimal_mark):
    """'1.234,50' with ',' as the mark, '1,234.50' with '.'; spaces of any width between thousands."""
    digits = re.sub(r"[^\d,.\-]", "", text)
    grouping = "." if decimal_mark == "," else ","
    digits = digits.replace(grouping, "").replace(decimal_mark, ".")
    try:
        return Decimal(digits)
    except decimal.InvalidOperation:
        raise Unreadable(f"cannot read the amount {text!r}") from None


def date_of(year, month, day):
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError as error:
        raise Unreadable(f"impossible date {year}-{month}-{day}: {error}") from None


def find(pattern, text, what):
    match = re.search(pattern, text, re.MULTILINE | re.IGNORECASE)
    if not match:
        raise Unreadable(f"no {what} found")
    return match


# --- one reader per vendor and medium -----------------------------------------------------------------------------------

def nordwind_csv(text, source):
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    columns = {name.strip(): index for index, name in enumerate(rows[0])}

    def cell(row, *names):
        for name in names:
            if name in columns:
                return row[columns[name]].strip()
        raise Unreadable(f"no column {' or '.join(names)}; the columns are {', '.join(columns)}")

    for row in rows[1:]:
        if len(row) < len(columns) or not NUMBER.fullmatch(cell(row, "Belegnummer", "Beleg-Nr.")):
            continue  # The sum at the end.
        day, month, year = cell(row, "Belegdatum", "Datum").split(".")
        amount = amount_of(cell(row, "Brutto"), ",")
        if cell(row, "Belegart", "Art") == "Gutschrift":
            amount = -abs(amount)
        yield Document(cell(row, "Belegnummer", "Beleg-Nr."), date_of(year, month, day), amount, cell(row, "Währung"), source)


def kestrel_tsv(text, source):
    rows = [line.split("\t") for line in text.splitlines()]
    start = next((i for i, row in enumerate(rows) if row[0] == "Invoice #"), None)
    if start is None:
        raise Unreadable("no line starts with 'Invoice #'")
    for row in rows[start + 1:]:
        record = dict(zip(rows[start], row))
        if record.get("Invoice #"):
            month, day, year = record["Invoice Date"].split("/")
            yield Document(record["Invoice #"], date_of(year, month, day), amount_of(record["Amount"], "."),
                           record["Currency"], source)


def halden_json(text, source):
    values = [text] if source.endswith(".json") else [line for line in text.splitlines() if line.strip()]
    for value in values:
        record = json.loads(value, parse_float=Decimal)
        if "document" in record:
            record = record["document"]
            amount = Decimal(record["totals"]["gross_minor"]) / 100
            if record["type"] == "credit_note":
                amount = -abs(amount)
            date = record["issued"][:10]
        else:
            amount, date = Decimal(record["total"]), record["date"]
        yield Document(record.get("number") or record["invoice_no"], date_of(*date.split("-")), amount, record["currency"], source)


def prevost_text(text, source):
    number = find(r"FACTURE\s+N°\s*(\S+)", text, "'FACTURE N°'").group(1)
    written = find(r"^Date\s*:\s*(.+?)\s*$", text, "'Date :'").group(1)
    if "/" in written:
        day, month, year = written.split("/")
    else:
        day, month, year = written.split()
        month = FRENCH.index(month.lower()) + 1
    total = find(r"^Total TTC\s+(.*\d)\s*(€|EUR)\s*$", text, "'Total TTC'")
    yield Document(number, date_of(year, month, day), amount_of(total.group(1), ","), "EUR", source)


def kestrel_text(text, source):
    number = find(r"Invoice No\.:\s*(\S+)", text, "'Invoice No.:'").group(1)
    month, day, year = find(r"Invoice Date:\s*(\w+) (\d+), (\d{4})", text, "'Invoice Date:'").groups()
    currency, total = find(r"Amount Due:\s*([A-Z]{3})\s+([\d,.]+)", text, "'Amount Due:'").groups()
    yield Document(number, date_of(year, ENGLISH.index(month.lower()) + 1, day), amount_of(total, "."), currency, source)


def nordwind_text(text, source):
    number = find(r"^Rechnungsnummer:\s*(\S+)", text, "'Rechnungsnummer:'").group(1)
    day, month, year = find(r"^Rechnungsdatum:\s*(\d+)\.(\d+)\.(\d{4})", text, "'Rechnungsdatum:'").groups()
    total, currency = find(r"^Rechnungsbetrag:\s*([\d.,]+)\s*([A-Z]{3})", text, "'Rechnungsbetrag:'").groups()
    yield Document(number, date_of(year, month, day), amount_of(total, ","), currency, source)


LETTERS = (("Rechnungsnummer:", nordwind_text), ("FACTURE", prevost_text), ("Invoice No.:", kestrel_text))


def letter(text, source):
    """An invoice written as text. Text without an invoice's own label is something else, such as an offer or a reminder."""
    for label, reader in LETTERS:
        if label in text:
            yield from reader(text, source)
            return


class HtmlText(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.pieces = []

    def handle_data(self, data):
        self.pieces.append(data)


def mail(data, source):
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    plain, rich = [], []
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True) or b""
        name = part.get_filename() or ""
        kind = part.get_content_type()
        if name:
            yield from by_suffix(content, f"{source}/{name}", name)
        elif kind in ("text/plain", "text/html"):
            try:
                text = content.decode(part.get_content_charset() or "us-ascii")
            except (UnicodeDecodeError, LookupError):
                text = text_of(content)
            (plain if kind == "text/plain" else rich).append(text)
    found = [document for text in plain for document in letter(text.replace("\r\n", "\n"), source)]
    if not found:
        for text in rich:
            page = HtmlText()
            page.feed(text)
            found += letter("".join(page.pieces), source)
    yield from found


def by_suffix(data, source, name):
    suffix = pathlib.PurePath(name).suffix.lower()
    if suffix == ".eml":
        yield from mail(data, source)
        return
    readers = {".csv": nordwind_csv, ".tsv": kestrel_tsv, ".json": halden_json, ".jsonl": halden_json, ".txt": letter}
    if suffix not in readers:
        raise Unreadable(f"the check knows {', '.join(sorted(readers))} and .eml, not '{suffix}'")
    yield from readers[suffix](text_of(data), source)


# --- the archive as a whole ---------------------------------------------------------------------------------------------

def read_rates(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {(row["currency"], row["month"]): Decimal(row["per_eur"]) for row in csv.DictReader(file)}


def cents(document, rates):
    amount = document.amount
    if document.currency != "EUR":
        key = (document.currency, document.date.strftime("%Y-%m"))
        if key not in rates:
            raise Unreadable(f"{document.source}: rates.csv has no rate for {key[0]} in {key[1]}")
        amount /= rates[key]
    # Half up means away from zero here, so that a credit note cancels its invoice.
    return int((amount * 100).quantize(Decimal(1), decimal.ROUND_HALF_UP))


def read_archive(folder):
    """number → (Document, cents) for every document of YEAR."""
    rates = read_rates(folder / "rates.csv")
    best = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path == folder / "rates.csv":
            continue
        source = path.relative_to(folder).as_posix()
        try:
            documents = list(by_suffix(path.read_bytes(), source, path.name))
        except Unreadable as error:
            raise Unreadable(f"{source}: {error}") from None
        except (ValueError, KeyError, IndexError, TypeError, csv.Error) as error:
            raise Unreadable(f"{source}: not in the form this check knows ({type(error).__name__}: {error})") from None
        for document in documents:
            if not NUMBER.fullmatch(document.number):
                raise Unreadable(f"{source}: '{document.number}' is no number of a known vendor (NW-, HCS-, AP-, KF-)")
            value = cents(document, rates)
            rank = (abs(value), document.date)
            if document.number not in best or rank > best[document.number][0]:
                best[document.number] = (rank, document, value)
    return {n: (document, value) for n, (_, document, value) in best.items() if document.date.year == YEAR}


def vendor_of(number):
    return VENDORS[number.split("-")[0]]


def totals_of(pairs):
    """{vendor: (documents, cents)} from pairs of vendor and cents; a vendor without a document counts zero."""
    totals = {vendor: [0, 0] for vendor in VENDORS.values()}
    for vendor, value in pairs:
        entry = totals.setdefault(vendor, [0, 0])
        entry[0] += 1
        entry[1] += value
    return {vendor: tuple(entry) for vendor, entry in totals.items()}


def euros(value):
    return f"{Decimal(value) / 100:.2f}"


# --- comparing ------------------------------------------------------------------------------------------------------------

def read_ledger(path):
    if not path.is_file():
        return None, [f"{path.name} does not exist"]
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        rows = connection.execute("SELECT vendor, number, date, amount_cents, source FROM invoices").fetchall()
        connection.close()
    except sqlite3.Error as error:
        return None, [f"{path.name}: {error} (the table is described in bookkeeping.md)"]
    return rows, []


def compare_ledger(expected, rows):
    problems, seen = [], set()
    for vendor, number, date, value, source in rows:
        if number in seen:
            problems.append(f"{number} is booked twice")
        seen.add(number)
        if number not in expected:
            problems.append(f"{number} is booked but no file says that it is a document of {YEAR} (booked: {date}, from {source})")
            continue
        document, right = expected[number]
        for what, got, want in (("vendor", vendor, vendor_of(number)), ("date", date, document.date.isoformat()),
                                ("amount_cents", value, right)):
            if got != want:
                problems.append(f"{number}: {what} is {got!r}, {document.source} says {want!r}")
    for number in sorted(expected.keys() - seen):
        document, value = expected[number]
        problems.append(f"{number} is missing: {euros(value)} EUR of {document.date}, in {document.source}")
    return problems


def compare_report(totals, path):
    if not path.is_file():
        return [f"{path.name} does not exist"]
    stated = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
        if line.strip().startswith("|") and len(cells) >= 2:
            stated[cells[0].lower()] = cells[-1]
    problems = []
    everything = {**totals, "total": (sum(n for n, _ in totals.values()), sum(c for _, c in totals.values()))}
    for name, (_, value) in everything.items():
        if name not in stated:
            if value or name == "total":
                problems.append(f"{path.name}: no table row '{name}', which should say {euros(value)}")
            continue
        if re.sub(r"[^\d.\-]", "", stated[name]) != euros(value):
            problems.append(f"{path.name}: {name} is '{stated[name]}', the files say {euros(value)}")
    return problems


def main():
    parser = argparse.ArgumentParser(description="Check ledger.db and report.md against data/legacy.")
    parser.add_argument("--dir", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent,
                        help="folder with data/legacy, ledger.db and report.md (default: where this program lies)")
    parser.add_argument("--totals", action="store_true", help="print the expected totals and compare nothing")
    options = parser.parse_args()
    try:
        expected = read_archive(options.dir / "data" / "legacy")
    except (Unreadable, OSError) as error:
        print(f"cannot check: {error}")
        return 1
    totals = totals_of((vendor_of(number), value) for number, (_, value) in expected.items())
    if options.totals:
        for vendor, (count, value) in sorted(totals.items()):
            print(f"{vendor:<10} {count:>4} documents {euros(value):>14} EUR")
        return 0
    rows, problems = read_ledger(options.dir / "ledger.db")
    if rows is not None:
        problems += compare_ledger(expected, rows)
    problems += compare_report(totals, options.dir / "report.md")
    for problem in problems[:MAX_SHOWN]:
        print(problem)
    if len(problems) > MAX_SHOWN:
        print(f"... and {len(problems) - MAX_SHOWN} more")
    if problems:
        print(f"ledger: {len(problems)} problems; the rules are in bookkeeping.md")
        return 1
    print(f"ledger: {len(expected)} documents of {YEAR} and {len(totals)} totals agree with the files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
