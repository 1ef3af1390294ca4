"""`hilum data list`: what public data sets there are, and how to have each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, echo

from hilum.cli.console import print_json

if TYPE_CHECKING:
    from hilum.data.sources import Card


_ACCESS = {
    "open": "open, no login",
    "account": "a free account",
    "agreement": "an agreement to sign",
    "yours": "your own files",
}


def list_(
    name: Annotated[str | None, Argument(help="One data set, told in full.")] = None,
    *,
    json: Annotated[bool, Option("--json", help="Print every card as JSON.")] = False,
    markdown: Annotated[
        bool, Option("--markdown", help="Print every card as Markdown, as in the documentation.")
    ] = False,
) -> None:
    """List the public data sets, or tell all about one: content, licence, flaws, how to have it."""
    from hilum.data.sources import sources

    names = [name] if name is not None else list(sources)
    cards = [sources.create(each).card for each in names]
    cards.sort(key=lambda card: card.access == "yours")
    if json:
        print_json([asdict(card) for card in cards])
    elif markdown:
        echo("\n".join(map(_section, cards)), nl=False)
    elif name is not None:
        echo(_whole(cards[0]))
    else:
        echo("\n".join(map(_line, cards)))
        echo("\n`hilum data list NAME` tells all about one.")


def _line(card: Card) -> str:
    images = f"{card.images:,}" if card.images else "varies"
    size = f"{card.gigabytes:g} GB" if card.gigabytes else ""
    return f"{card.name:18}{images:>9}  {size:>8}  {card.access:10} {card.title}"


def _whole(card: Card) -> str:
    rows = {
        "what": card.about,
        "images": f"{card.images:,}" if card.images else "varies",
        "patients": f"{card.patients:,}" if card.patients else "",
        "size": f"{card.gigabytes:g} GB" if card.gigabytes else "",
        "licence": card.licence,
        "cite": card.citation,
        "home": card.home,
        "access": card.access,
        "versions": _versions(card),
        "lists": " ".join(card.labels),
    }
    lines = [f"{card.name}: {card.title}"]
    lines += [f"  {key:9} {value}" for key, value in rows.items() if value]
    lines += [
        "  how to have it:",
        *(f"    {number}. {step}" for number, step in enumerate(card.steps, 1)),
    ]
    if card.flaws:
        lines += ["  known to be wrong with it:", *(f"    - {flaw}" for flaw in card.flaws)]
    return "\n".join(lines)


def _section(card: Card) -> str:
    facts = {
        "images": f"{card.images:,}" if card.images else "varies",
        "patients": f"{card.patients:,}" if card.patients else "",
        "size": f"{card.gigabytes:g} GB" if card.gigabytes else "",
        "licence": card.licence,
        "to have it": _ACCESS[card.access],
        "versions": ", ".join(card.versions),
        "label files": ", ".join(f"`{name}`" for name in card.labels),
        "cite": card.citation,
        "home": f"<{card.home}>" if card.home else "",
    }
    lines = [f"### {card.title}", "", card.about, "", "| | |", "| --- | --- |"]
    lines += [
        f"| {key} | {value.replace('|', chr(92) + '|')} |" for key, value in facts.items() if value
    ]
    if card.flaws:
        lines += ["", "What is wrong with it:", "", *(f"- {flaw}" for flaw in card.flaws)]
    lines += ["", "How to get it right:", "", "```", *card.steps, "```", ""]
    return "\n".join(lines)


def _versions(card: Card) -> str:
    if not card.versions:
        return ""
    default = card.default or card.versions[-1]
    names = "".join(f"; {name} is {version}" for name, version in card.version_names.items())
    return f"{' '.join(card.versions)} ({default} by default){names}"
