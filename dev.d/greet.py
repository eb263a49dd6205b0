"""Waits until the server that `./dev run` started is ready, then tells in a few lines what it found and where to ask on.

  greet.py HOST:PORT CONFIG_DIR SERVER_PID
"""
import collections
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

POLL_S = 0.2
PATIENCE_S = 5  # after that, say that one waits
TASK_ENDS = {"closed", "verified", "rejected", "cancelled"}


class Gone(Exception):
    """The server stopped before it was ready."""


def get(base, path, **query):
    words = urllib.parse.urlencode({name: value for name, value in query.items() if value})
    with urllib.request.urlopen(f"{base}{path}{'?' + words if words else ''}", timeout=30) as answer:
        return json.load(answer)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_ready(base, pid):
    began = time.monotonic()
    told = False
    while True:
        try:
            urllib.request.urlopen(f"{base}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            pass
        if not is_running(pid):
            raise Gone
        if not told and time.monotonic() - began > PATIENCE_S:
            print("echoloop is catching up with its log …", flush=True)
            told = True
        time.sleep(POLL_S)


def tenants_of(config_dir):
    """Ids below `tenants:` in organisation.yaml; [None] (the only tenant there is) when it names none."""
    try:
        with open(os.path.join(config_dir, "organisation.yaml"), encoding="utf-8") as file:
            block = re.search(r"^tenants:\s*\n((?:[ #-].*\n|\n)*)", file.read(), re.MULTILINE)
    except OSError:
        block = None
    return re.findall(r"^\s*-\s*\{?\s*id:\s*[\"']?([^\s,\"'}]+)", block.group(1), re.MULTILINE) if block else [None]


def percent(rate):
    return f"{100 * rate:.1f} %"


def csat_line(base, tenant):
    rows = get(base, "/api/v1/metrics/csat", tenant=tenant, interval="all")["rows"]
    if not rows or not rows[0]["n"]:
        return "no scores yet"
    row = rows[0]
    said = f"{row['numerator']} of {row['n']} scores"
    if row.get("value") is not None:
        interval = row.get("interval") or {}
        between = f", 95 % between {percent(interval['low'])} and {percent(interval['high'])}" if "low" in interval else ""
        said = f"{percent(row['value'])} ({said}{between})"
    else:
        said += f" ({row.get('suppressed')})"
    coverage = row.get("coverage") or {}
    if coverage.get("eligible"):
        said += f"; {percent(coverage['answered'] / coverage['eligible'])} of {coverage['eligible']} sessions were rated"
    return said


def open_tasks(base, tenant):
    """Open tasks per department, and the severe ones among them."""
    found, severe, cursor = collections.Counter(), collections.Counter(), None
    while True:
        page = get(base, "/api/v1/tasks", tenant=tenant, limit=200, cursor=cursor)
        for task in page["items"]:
            if task["state"] in TASK_ENDS:
                continue
            department = task.get("department") or "none"
            found[department] += 1
            severe[department] += task.get("severity") in ("critical", "high")
        cursor = page.get("next_cursor")
        if not cursor:
            return found, severe


def tell(base, tenants):
    width = max(len(str(tenant)) for tenant in tenants)
    print("\nCustomer satisfaction")
    for tenant in tenants:
        print(f"  {str(tenant or ''):{width}}  {csat_line(base, tenant)}")
    print("\nOpen tasks")
    for tenant in tenants:
        found, severe = open_tasks(base, tenant)
        for department, count in sorted(found.items(), key=lambda entry: (-entry[1], entry[0])):
            urgent = f" ({severe[department]} of them high or critical)" if severe[department] else ""
            print(f"  {str(tenant or ''):{width}}  {department}: {count}{urgent}")
        if not found:
            print(f"  {str(tenant or ''):{width}}  none")
    asked = f"tenant={tenants[0]}&" if tenants[0] else ""
    print(f"""
Ask on
  curl '{base}/api/v1/metrics/csat?{asked}interval=week&group_by=channel'
  curl '{base}/api/v1/tasks?{asked}limit=5'
  curl '{base}/api/v1/feedback?{asked}has_comment=true&limit=5'
  curl '{base}/openapi.json'
Ctrl-C stops echoloop.""", flush=True)


def main():
    listen, config_dir, pid = sys.argv[1:]
    base = "http://" + re.sub(r"^(0\.0\.0\.0|\[::\])(?=:)", "127.0.0.1", listen)
    try:
        wait_until_ready(base, int(pid))
        tell(base, tenants_of(config_dir))
    except KeyboardInterrupt:
        pass
    except Gone:
        return 1
    except (urllib.error.URLError, OSError, KeyError, ValueError) as error:
        print(f"echoloop runs at {base}, but its answer is not understood: {error!r}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
