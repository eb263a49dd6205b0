"""A configuration that hurts: the project's own, with odd time zones, aliases, boxes and dimension sets that begin in the middle of the
stream, and rules low enough for small streams to open tasks."""

import os
import shutil

import yaml

PROJECT_CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config")
DAY_S = 86_400

# tenant → zone; the generator also sends events of tenants that nobody configured.
ZONES = {
    "hongtu": "Asia/Shanghai",
    "acme": "America/New_York",  # summer time from 8 March 2026
    "himal": "Asia/Kathmandu",  # +05:45
    "adelaide": "Australia/Adelaide",  # +10:30 until 5 April 2026, then +09:30
    "chatham": "Pacific/Chatham",  # +13:45, then +12:45
}
STEADY = ["hongtu", "himal"]  # tenants without summer time


class Loader(yaml.SafeLoader):
    """SafeLoader that leaves times as the text in the file."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def title(name):
    return {"zh": f"{name}（测试）", "en": name}


def threshold(name, metric, group_by, window, tiers, **more):
    bounds = [
        {tiers[0]: bound, "severity": severity, "escalate_to": "lead"}
        for bound, severity in zip(tiers[1:], ("medium", "high", "critical"))
    ]
    rule = {"id": name, "version": 1, "title": title(name), "metric": metric, "group_by": group_by, "window": window}
    return {**rule, "reopen_within": "14d", **more, "tiers": bounds}


def thresholds():
    surge = ["late-delivery", "lost-parcel", "product-quality", "bad-attitude", "long-wait", "ärger & straße"]
    return [
        threshold("dsat-category", "dsat", ["category"], "day", ["above", 0.5, 0.7], minimum_n=5, hysteresis=0.05),
        threshold("dissatisfied-group", "dsat", ["group"], "week", ["above", 0.333333, 0.45, 0.6], minimum_n=8),
        threshold("tag-surge", "evaluations", ["tag"], "day", ["above", 4, 8], minimum_n=1, where={"tag": surge}),
        threshold("unresolved-category", "unresolved_rate", ["category"], "day", ["above", 0.5], minimum_n=4),
        threshold(
            "sessions-over-usual",
            "sessions",
            ["category"],
            "day",
            ["above", 0.5, 1, 2],
            minimum_n=5,
            over_usual={"periods": 7},
            hysteresis=0.05,
        ),
        threshold(
            "dsat-over-usual", "dsat", ["channel"], "week", ["above", 0.2], minimum_n=6, over_usual={"periods": 2}
        ),
        threshold(
            "hour-over-usual",
            "sessions",
            ["channel"],
            "hour",
            ["above", 0.5],
            minimum_n=2,
            over_usual={"periods": 3},
            tenants=STEADY,
        ),
        threshold("sessions-hour", "sessions", ["channel", "category"], "hour", ["above", 4], minimum_n=1),
        threshold("low-response", "response_rate", ["channel"], "day", ["below", 0.4, 0.2], minimum_n=5),
        threshold("low-csat", "csat", ["survey", "survey_version"], "day", ["below", 0.3], minimum_n=4),
        threshold("mismatch", "resolution_mismatch_rate", ["department"], "week", ["above", 0.3], minimum_n=3),
        threshold(
            "low-coverage",
            "coverage",
            ["group", "agent"],
            "week",
            ["below", 0.3],
            minimum_n=6,
            tenants=["hongtu", "acme"],
        ),
    ]


def recoveries():
    def recovery(name, severity, when, **more):
        return {"id": name, "version": 1, "title": title(name), "when": when, "severity": severity, **more}

    return [
        recovery("unresolved-wants-contact", "high", {"unresolved": True, "wants_contact": True}),
        recovery("low-score-wants-contact", "medium", {"low_score": True, "wants_contact": True}),
        recovery("resolved-yet-low", "low", {"unresolved": False, "low_score": True}, tenants=["acme", "himal"]),
    ]


def edit_yaml(path, change):
    with open(path, encoding="utf-8") as file:
        content = yaml.load(file, Loader=Loader)
    change(content)
    with open(path, "w", encoding="utf-8") as file:
        yaml.dump(content, file, Dumper=yaml.SafeDumper, allow_unicode=True, sort_keys=False, width=200)


def write_earlier(folder, config):
    """What stood before somebody edited `config` into what it is: other time zones, aliases, moments, boxes and dimension sets."""
    shutil.copytree(config, folder)

    def organisation(content):
        for tenant in content["tenants"]:
            tenant["timezone"] = {"Asia/Shanghai": "Asia/Tokyo", "Pacific/Chatham": "UTC"}.get(tenant["timezone"], tenant["timezone"])

    def taxonomy(content):
        for number, tag in enumerate(content["tags"]):
            if number % 2:
                tag["aliases"] = []
            if number % 3 == 0:
                tag["moment"] = "closing_confirmation"

    def surveys(content):
        for survey in content["surveys"]:
            survey["boxes"] = [{"min": 1, "max": 5, "top_from": 5, "bottom_to": 1}]

    def metrics(content):
        content["dimension_sets"] = [one for one in content["dimension_sets"] if one != ["agent", "survey"]] + [["language", "bot"]]

    for name, change in (("organisation", organisation), ("taxonomy", taxonomy), ("surveys", surveys), ("metrics", metrics)):
        edit_yaml(os.path.join(folder, f"{name}.yaml"), change)


def write_config(folder, start_s, days, time_text):
    """Writes the folder; `time_text` turns Unix seconds into RFC 3339."""
    shutil.copytree(PROJECT_CONFIG, folder, dirs_exist_ok=True)

    def since(part):
        # Not on a whole hour: the hour in between belongs to both rules.
        return time_text(start_s + int(days * DAY_S * part) + 17 * 60 + 3)

    def organisation(content):
        content["tenants"] = [{"id": t, "name": title(t), "timezone": zone} for t, zone in ZONES.items()]

    def taxonomy(content):
        tags = {tag["id"]: tag for tag in content["tags"]}
        tags["late-delivery"]["aliases"] += [
            {"text": "Slow Parcel", "effective_from": since(0.5)},
            {"text": "快遞太慢了", "effective_from": since(0.3)},
            "ＤＥＬＡＹＥＤ　ＡＧＡＩＮ",
        ]
        tags["bad-attitude"]["aliases"] += ["😡", {"text": "👎", "effective_from": since(0.6)}]
        tags["friendly"]["aliases"] += [{"text": "Ｔｈａｎｋｓ", "effective_from": since(0.4)}]
        tags["unsafe"]["aliases"] += [{"text": "smoke", "effective_from": since(0.5)}]
        content["tags"].append(
            {
                "id": "ärger & straße",
                "name": {"zh": "生气", "en": "ÄRGER"},
                "sentiment": "negative",
                "aliases": ["怒 ①"],
            }
        )
        for line in content["red_lines"]:
            line["words"].append("ＯＮ　ＦＩＲＥ")

    def surveys(content):
        for survey in content["surveys"]:
            if survey["id"] == "chat-csat":
                survey["boxes"] += [
                    {"min": 1, "max": 5, "top_from": 5, "bottom_to": 3, "effective_from": since(0.5)},
                    {"min": 0, "max": 100, "top_from": 72.5, "bottom_to": 33.25, "effective_from": since(0.2)},
                    {"min": 1, "max": 5, "top_from": 4.5, "bottom_to": 1, "effective_from": since(0.75)},
                ]

    def metrics(content):
        content["dimension_sets"] += [
            ["survey", "delay", "question"],
            ["agent", "survey"],
            {"dimensions": ["channel", "tag"], "effective_from": since(0.33)},
            {"dimensions": ["department", "language", "moment"], "effective_from": since(0.5)},
            {"dimensions": ["question", "group", "delay", "bot"], "effective_from": since(0.66)},
            {"dimensions": ["review_tag", "agent_tag"], "effective_from": since(0.1)},
        ]

    def rules(content):
        content["thresholds"], content["recoveries"] = thresholds(), recoveries()

    edits = dict(organisation=organisation, taxonomy=taxonomy, surveys=surveys, metrics=metrics, rules=rules)
    for name, change in edits.items():
        edit_yaml(os.path.join(folder, f"{name}.yaml"), change)
