"""What config/*.yaml means for counting: canonical tags, moments, surveys, dimension sets, each at a moment in time."""

import functools
import os
import re
from decimal import Decimal

import icu
import yaml

from times import Zone, parse_time

UNKNOWN = "unknown"
EVALUATION_DIMENSIONS = ("survey", "survey_version", "question", "delay", "language")
HANDLER_DIMENSIONS = ("agent", "group", "department")
NFKC = icu.Normalizer2.getNFKCInstance()
SIMPLIFIED = icu.Transliterator.createInstance("Hant-Hans")
WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@functools.lru_cache(maxsize=None)
def normalise(text):
    """NFKC, case folding, traditional → simplified, NFKC again, white space to one space, trimmed."""
    text = NFKC.normalize(text)
    text = str(icu.UnicodeString(text).foldCase())
    text = SIMPLIFIED.transliterate(text)
    text = NFKC.normalize(text)
    return WHITE_SPACE.sub(" ", text).strip(" ")


def thousandths(number):
    """A JSON number as an integer of thousandths; exact or not at all."""
    scaled = Decimal(number) * 1000
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{number} has more than three decimals")
    return int(scaled)


class Counting:
    """The configuration that changes counting, as in force at one moment."""

    def __init__(self, tags, moments, surveys, sets):
        self.tags, self.moments, self.surveys, self.sets = tags, moments, surveys, sets

    def canonical(self, text):
        """Canonical tag of a raw text; None when nothing is left of it."""
        text = normalise(text)
        return self.tags.get(text, text) or None

    def moment(self, tag):
        return self.moments.get(tag, UNKNOWN)

    def survey(self, name):
        """(kind, {(min, max): (top_from, bottom_to)})"""
        return self.surveys.get(name, ("csat", {}))


class Config:
    def __init__(self, folder):
        def load(name):
            # BaseLoader leaves every scalar as the text in the file, so that 0.3 stays exactly 0.3.
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                return {}
            with open(path, encoding="utf-8") as file:
                return yaml.load(file, Loader=yaml.BaseLoader) or {}

        organisation, self.surveys = load("organisation.yaml"), load("surveys.yaml")
        self.taxonomy, self.metrics, self.rules = load("taxonomy.yaml"), load("metrics.yaml"), load("rules.yaml")
        self.zones = {t["id"]: Zone(t["timezone"]) for t in organisation.get("tenants", []) if t.get("timezone")}
        self.utc = Zone("UTC")
        self.breaks = sorted({since(entry) for entry in self.dated()} - {None})
        self.countings = {}

    def dated(self):
        """Everything that may carry effective_from."""
        for tag in self.taxonomy.get("tags", []):
            yield from tag.get("aliases", [])
        for survey in self.surveys.get("surveys", []):
            yield from survey.get("boxes", [])
        yield from self.metrics.get("dimension_sets", [])

    def zone(self, tenant):
        return self.zones.get(tenant, self.utc)

    def counting(self, at):
        """The counting rules in force at a moment."""
        interval = sum(1 for moment in self.breaks if moment <= at)
        if interval not in self.countings:
            self.countings[interval] = self.build(at)
        return self.countings[interval]

    def build(self, at):
        def holds(entry):
            return since(entry) is None or since(entry) <= at

        tags, moments = {}, {}
        for tag in self.taxonomy.get("tags", []):
            moments[tag["id"]] = tag.get("moment", UNKNOWN)
            texts = [tag["id"], *tag.get("name", {}).values()]
            texts += [a["text"] if isinstance(a, dict) else a for a in tag.get("aliases", []) if holds(a)]
            for text in texts:
                if tags.setdefault(normalise(text), tag["id"]) != tag["id"]:
                    raise ValueError(f"{text!r} names two tags: {tag['id']} and {tags[normalise(text)]}")
        surveys = {}
        for survey in self.surveys.get("surveys", []):
            boxes, latest = {}, {}
            for box in survey.get("boxes", []):
                scale = (thousandths(box["min"]), thousandths(box["max"]))
                begin = since(box) if since(box) is not None else -(1 << 62)
                if holds(box) and begin >= latest.get(scale, begin):
                    latest[scale] = begin
                    boxes[scale] = (thousandths(box["top_from"]), thousandths(box["bottom_to"]))
            surveys[survey["id"]] = (survey.get("kind", "csat"), boxes)
        sets = []
        for entry in self.metrics.get("dimension_sets", []):
            dimensions = tuple(entry["dimensions"] if isinstance(entry, dict) else entry)
            if holds(entry) and dimensions not in sets:
                sets.append(dimensions)
        return Counting(tags, moments, surveys, [DimensionSet(dimensions) for dimensions in sets])


def since(entry):
    """effective_from of an entry in ms, or None: from the beginning."""
    if isinstance(entry, dict) and "effective_from" in entry:
        return parse_time(entry["effective_from"])
    return None


class DimensionSet:
    def __init__(self, dimensions):
        self.dimensions = dimensions
        self.by_evaluation = [d for d in dimensions if d in EVALUATION_DIMENSIONS]
        self.by_session = [d for d in dimensions if d not in EVALUATION_DIMENSIONS]
        self.credited = any(d in HANDLER_DIMENSIONS for d in dimensions)
        # places[i]: where the i-th value of (by_session + by_evaluation) stands in the written order
        written = [(self.by_session + self.by_evaluation).index(d) for d in dimensions]
        self.in_order = lambda values: tuple(values[i] for i in written)
