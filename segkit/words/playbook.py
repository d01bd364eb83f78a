"""What to do with each segment: texts and discount rules, one YAML file a language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from segkit.errors import RuleError, suggestion
from segkit.foundation.yaml_files import load_yaml
from segkit.words.claims import named_conditions
from segkit.words.conditions import Condition, Facts
from segkit.words.playbook_checks import (
    check_cells,
    check_channels,
    check_complete,
    check_fields,
    check_own,
    fault,
    folded,
)
from segkit.words.playbook_entries import (
    POLICIES_BY_STRICTNESS,
    Cell,
    Channel,
    DiscountPolicy,
    Document,
    Entry,
    Names,
    Policy,
    Strict,
    Template,
    Text,
)
from segkit.words.playbook_reading import plain, read_conditions, read_entries

__all__ = [
    "POLICIES_BY_STRICTNESS",
    "DiscountPolicy",
    "Document",
    "Entry",
    "Playbook",
    "Policy",
    "Template",
    "checked_languages",
    "languages",
    "shipped_document",
    "strictest",
]

FOLDER = Path(__file__).parent / "playbooks"


class Playbook(Strict):
    """A checked playbook: every entry of it is complete, and every condition can be asked.

    Parameters
    ----------
    language : str
        Two-letter language of the texts.
    file : str
        The file to name in errors: the client's own where there is one.
    document : Document
        Fixed labels of the recommendations document.
    discounts : dict
        Discount policy key to its name and explanation.
    channels : dict
        Channel key such as ``"email"`` to the names that entries write for it.
    conditions : dict
        Conditions by name: those of `claims.yaml` and the client's own.
    segments : dict
        Segment key to its general entry, as written.
    segmentations : dict
        Segmentation key to the entries that mean something else there.
    apart : dict
        Segmentation key to the names that its segments bear where another segmentation leads.
    leading : str or None
        The segmentation that leads a report, whose segments have the plain names.
    cells : dict
        RFM cell such as ``"555"`` to its entry.

    Source
    ------
    Definitions, sections 10 and 11.

    Examples
    --------
    >>> playbook = Playbook.load("en")
    >>> playbook.name("clusters", "low_value")
    'Low Value'
    """

    language: Text
    file: Text
    document: Document
    conditions: dict[Text, Condition]
    discounts: dict[Policy, DiscountPolicy]
    channels: dict[Channel, Names]
    segments: dict[Text, Template]
    segmentations: dict[Text, dict[Text, Template]]
    apart: dict[Text, dict[Text, Text]]
    leading: Text | None = None
    cells: dict[Cell, Template]

    @classmethod
    def load(cls, language: str, override: Path | None = None) -> Playbook:
        """Return the shipped playbook of a language, with a client's file over it.

        The client's file has the structure of the shipped one and needs only what differs; its
        fields replace the shipped ones, lists as a whole, but names of `channels` are added to the
        shipped ones. Where the shipped file says what a key means in one segmentation, that stays
        until the client's `segmentations` says otherwise. A field that the client writes takes the
        place of the shipped one with all its conditions.

        Parameters
        ----------
        language : str
            One of `languages()`.
        override : Path, optional
            The client's own YAML file.

        Raises
        ------
        RuleError
            No such language; a file with an unknown key, a wrong type, an incomplete entry or a
            name under two channels; cell 555 with any discount, or 115 with a bare one; a
            condition on an unknown figure, one that is no comparison, or holds always or never;
            an alternative that is missing or never reached.
        SegkitError
            A file that is missing, is no YAML or repeats a key.

        Source
        ------
        Definitions, sections 4 and 10.

        Examples
        --------
        >>> Playbook.load("es").name("families", "loyal")
        'Leales'
        """
        shipped = _shipped(language)
        name = f"playbooks/{language}.yaml"
        named = read_conditions(shipped.get("conditions"), named_conditions(), name)
        read = read_entries(shipped, named, name)
        check_fields(plain(read), name)
        if override is None:
            return _assembled(read, named, name)
        own, file = load_yaml(override), str(override)
        # A condition that the client changes changes in the shipped entries that name it.
        named = read_conditions(own.get("conditions"), named, file)
        own, below = read_entries(own, named, file), read_entries(shipped, named, name)
        check_own(plain(own), shipped, file)
        return _assembled(_laid_over(below, _with_channels(below, own)), named, file)

    def led_by(self, segmentation: str) -> Playbook:
        """Return the playbook of a report that one segmentation leads.

        A name means one thing in a report: segments of the others whose names could be taken for
        those of the leading one bear the names of `apart`.

        Parameters
        ----------
        segmentation : str
            Its key.

        Source
        ------
        Definitions, section 4 (one segmentation leads).

        Examples
        --------
        >>> playbook = Playbook.load("en").led_by("value_groups")
        >>> playbook.name("value_groups", "champions"), playbook.name("clv_segments", "champions")
        ('Champions', 'Champions (expected value)')
        """
        return self.model_copy(update={"leading": segmentation})

    def entry(self, segmentation: str, key: str, facts: Facts | None = None) -> Entry:
        """Return the advice for a segment of a segmentation.

        Parameters
        ----------
        segmentation : str
            Segmentation key, such as ``"value_groups"``.
        key : str
            Segment key, such as ``"champions"``.
        facts : mapping, optional
            Figures of the segment (`segkit.analysis.segment_facts.FACTS`): each text is said
            only where its condition holds of them. By default, the texts where all hold.

        Raises
        ------
        RuleError
            The playbook has no such segmentation, or no entry for the segment.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> playbook, facts = Playbook.load("en"), {"late_share": 0.1, "churned_share": 0.1}
        >>> playbook.entry("value_groups", "loyal", facts).discount
        'points'
        >>> playbook.entry("value_groups", "loyal", {"churned_share": 0.9}).discount
        'last_resort'
        """
        return self.template(segmentation, key).entry(facts)

    def template(self, segmentation: str, key: str) -> Template:
        """Return the advice for a segment with all its conditions; as `entry`.

        Raises
        ------
        RuleError
            As for `entry`.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("en").template("clusters", "loyal").name
        'Loyal Customers'
        """
        if segmentation not in self.segmentations:
            raise RuleError(
                f"unknown segmentation {segmentation!r}",
                where=f"{self.file}: segmentations",
                fix=suggestion(segmentation, self.segmentations),
            )
        found = self.segmentations[segmentation].get(key) or self.segments.get(key)
        if found is None:
            raise RuleError(
                f"no entry for segment {key!r} of segmentation {segmentation!r}",
                where=self.file,
                fix=suggestion(key, [*self.segments, *self.segmentations[segmentation]]),
            )
        apart = self.apart.get(segmentation, {}).get(key)
        if apart is None or self.leading in (None, segmentation):
            return found
        return found.model_copy(update={"name": apart})

    def cell(self, cell: str, facts: Facts | None = None) -> Entry | None:
        """Return the special advice for an RFM cell, or None where it has none.

        Parameters
        ----------
        cell : str
            Three digits, such as ``"555"``.
        facts : mapping, optional
            Figures of the cell's customers, as for `entry`.

        Source
        ------
        Definitions, section 4.

        Examples
        --------
        >>> Playbook.load("en").cell("555").discount
        'never'
        >>> Playbook.load("en").cell("333") is None
        True
        """
        found = self.cells.get(cell)
        return None if found is None else found.entry(facts)

    def channel_key(self, name: str) -> Channel | None:
        """Return the key of a channel as entries name it, or None for one that no list holds.

        Capitals and spaces around do not matter.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("en").channel_key("Retargeting ads")
        'ads'
        >>> Playbook.load("en").channel_key("Fax") is None
        True
        """
        wanted = folded(name)
        for key, names in self.channels.items():
            if wanted in map(folded, names):
                return key
        return None

    def name(self, segmentation: str, key: str) -> str:
        """Return the name of a segment in the playbook's language.

        Raises
        ------
        RuleError
            As for `entry`.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("es").name("sub_segments", "loyal_r5")
        'Leales · compra muy reciente (R5)'
        """
        return self.template(segmentation, key).name

    def names(self, segmentation: str, keys: Iterable[str]) -> dict[str, str]:
        """Return key to name for segments of one segmentation, in the order given.

        Raises
        ------
        RuleError
            A segment has no entry, or two segments have the same name.

        Source
        ------
        Definitions, section 5 (names are unique within a run).

        Examples
        --------
        >>> Playbook.load("es").names("families", ["prospects", "loyal"])
        {'prospects': 'Prospectos', 'loyal': 'Leales'}
        """
        names = {key: self.name(segmentation, key) for key in keys}
        bearers: dict[str, list[str]] = {}
        for key, name in names.items():
            bearers.setdefault(name, []).append(key)
        for name, alike in bearers.items():
            if len(alike) > 1:
                raise RuleError(
                    f"several segments of {segmentation!r} are named {name!r}",
                    where=self.file,
                    values=alike,
                    fix="give each its own name",
                )
        return names


def languages() -> list[str]:
    """Return the languages that have a shipped playbook, in alphabetical order.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> languages()
    ['en', 'es']
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def checked_languages(file: Path | None, language: str | None) -> list[str]:
    """Return the languages in which a playbook is to be checked: one asked for, the file's, or all.

    Parameters
    ----------
    file : Path or None
        A client's own; its `language` says which.
    language : str or None
        The one asked for.

    Raises
    ------
    RuleError
        A file that does not say its language, where none is asked for.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> checked_languages(None, None)
    ['en', 'es']
    """
    if language is not None:
        return [language]
    if file is None:
        return languages()
    said = load_yaml(file).get("language")
    if not isinstance(said, str):
        fix = "write 'language: en' in it, or ask with --language en"
        raise RuleError("does not say its language", where=str(file), fix=fix)
    return [said]


def strictest(policies: Iterable[Policy]) -> Policy:
    """Return the policy that allows least, which binds where several meet.

    Parameters
    ----------
    policies : iterable of str
        Discount policy keys, such as those of all the segments a customer is in.

    Raises
    ------
    RuleError
        None is given, or one is unknown.

    Source
    ------
    Definitions, sections 4 and 10.

    Examples
    --------
    >>> strictest(["allowed", "points", "last_resort"])
    'points'
    """
    given = list(policies)
    for policy in given:
        if policy not in POLICIES_BY_STRICTNESS:
            fix = suggestion(str(policy), POLICIES_BY_STRICTNESS)
            raise RuleError("unknown discount policy", values=[policy], fix=fix)
    if not given:
        raise RuleError("no discount policy to choose from", fix="give one or more")
    return min(given, key=POLICIES_BY_STRICTNESS.index)


def shipped_document(language: str) -> Document:
    """Return the shipped labels of the recommendations document.

    Parameters
    ----------
    language : str
        One of `languages()`.

    Raises
    ------
    RuleError
        No such language.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> shipped_document("es").kpi
    'Indicador a Seguir'
    """
    return Document.model_validate(_shipped(language)["document"])


def _shipped(language: str) -> dict[str, Any]:
    if language not in languages():
        raise RuleError(
            f"no playbook in language {language!r}",
            where="playbooks",
            fix=suggestion(language, languages()),
        )
    return load_yaml(FOLDER / f"{language}.yaml")


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}


def _with_channels(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the client's file with the shipped channel names before its own."""
    added = own.get("channels", {})
    both = {key: [*shipped["channels"].get(key, []), *names] for key, names in added.items()}
    return {**own, "channels": both}


def _assembled(raw: dict[str, Any], named: dict[str, Condition], file: str) -> Playbook:
    special = {
        segmentation: {key: {**raw["segments"].get(key, {}), **own} for key, own in entries.items()}
        for segmentation, entries in raw["segmentations"].items()
    }
    check_complete(raw["segments"], file, "segments")
    check_complete(raw["cells"], file, "cells")
    for segmentation, entries in special.items():
        check_complete(entries, file, "segmentations", segmentation)
    check_cells(raw["cells"], file)
    check_channels(raw["channels"], file)
    try:
        parts = {"file": file, "conditions": named, "segmentations": special}
        return Playbook.model_validate({**raw, **parts})
    except ValidationError as error:
        raise fault(error.errors(), file) from None
