#!/bin/bash
# GET /metrics on a real stack: Prometheus' own parser takes it, its numbers are those of the jobs
# that were done, and every expression of the alerts and the dashboard names metrics that are there.
. "$(dirname "$0")/lib.sh"
STACK_CONF=t/3600-metrics.conf stack_test "mongo rabbit s3 provision api worker nginx" "$@"

promtool=build/servers/bin/promtool
[ -x "$promtool" ] || lacking "promtool; run scripts/deps"
scripts/dev/generate --uri "$MONGODB_ADMIN_URI" --vehicles 2 --start 2018-11-30 --days 1 >/dev/null
# exports STATEMENTS: on the collections of db.
exports()
{
	/usr/bin/python3 - <<END
import os
from datetime import datetime
from bson import ObjectId
from pymongo import MongoClient
db = MongoClient(os.environ["MONGODB_ADMIN_URI"], w="majority").exports
$1
END
}

# What was read from the database after the request for it began: a slow one gives what it had
# before.
scrape()
{
	local _

	for _ in {1..100}; do
		curl -sf "$EXPORT_URL/metrics" >"$T/metrics" || return 1
		! awk '$1 == "export_database_age_seconds" { old = $2 >= 0.05 }
			END { exit !old }' "$T/metrics" || { sleep 0.1; continue; }
		return 0
	done
}
# value NAME{LABELS}: of the last scrape; labels but the worker's, in their order.
value()
{
	sed -E 's/worker="[^"]*",?//; s/\{\}//' "$T/metrics" | awk -v name="$1" '
		$1 == name { n += $2; found = 1 }
		END { print found ? n : "none" }'
}
# faults: what promtool has to say.
faults() { "$promtool" check metrics <"$T/metrics" 2>&1; }
# until NAME VALUE: scrapes until it is so, for a minute.
until_is()
{
	local end=$((SECONDS + 60))

	until scrape && [ "$(value "$1")" = "$2" ]; do
		[ "$SECONDS" -lt "$end" ] || { diag "$1 is $(value "$1"), not $2"; return 1; }
		sleep 0.2
	done
}

ok "a worker reports" until_is export_worker_busy 0
is "$(curl -s -o /dev/null -w '%{http_code} %{content_type}' "$EXPORT_URL/metrics")" \
    "200 text/plain; version=0.0.4; charset=utf-8" "the text format"
is "$(faults)" "" "promtool: nothing to say"
jobs_in() { value "export_jobs{state=\"$1\"}"; }
is "$(jobs_in FINISHED) $(jobs_in NOT_STARTED) $(value export_oldest_queued_seconds)" "0 0 0" \
    "no job yet"
is "$(value export_database_up)" 1 "the database is there"

# One that finishes, one that fails, one that is cancelled while it waits.
post()
{
	curl -sf "$EXPORT_URL/export" -H 'Content-Type: application/json' -d "$1" |
	    sed -E 's/.*"_id":"([0-9a-f]*)".*/\1/'
}
scripts/exportctl create -q --json --from 2018-11-30 --to 2018-12-01 --wait >"$T/job" ||
    diag "$(cat "$T/job")"
member() { /usr/bin/python3 -c 'import json,sys; v=json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."): v=v[k]
print(v)' "$T/job" "$1"; }
no "an unknown vehicle" \
    scripts/exportctl create -q --from 2018-11-30 --to 2018-12-01 --vehicle vehicle_none --wait
ok "both are counted" until_is 'export_worker_attempts_total{outcome="failed"}' 1
finished=$(value 'export_worker_attempts_total{outcome="finished"}')
is "$finished $(value export_worker_claims_total)" "1 2" "one finished, two claims"
is "$(value export_worker_documents_total)" "$(member progress.documents)" \
    "documents as the job says"
is "$(value export_worker_rows_total)" "$(member progress.rows)" "rows"
is "$(value export_worker_points_total)" "$(member progress.points)" "points"
is "$(value export_worker_read_bytes_total)" "$(member progress.bytesRead)" "bytes read"
is "$(value export_worker_written_bytes_total)" "$(member size)" "bytes written"
times() { value "export_worker_${1}_seconds_count"; }
is "$(times part) $(times export) $(times queue)" "1 1 2" "a part, an export, two waits"
ok "fetches were measured" [ "$(times fetch)" -gt 0 ]
is "$(jobs_in FINISHED) $(jobs_in FAILED)" "1 1" "jobs by state"

before=$(value 'export_api_requests_total{code="404"}')
for _ in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null "$EXPORT_URL/export/$(printf '%024x' 1)"; done
scrape
is "$(($(value 'export_api_requests_total{code="404"}') - before))" 8 \
    "answers of all handlers are counted together"
requests=$(awk '/^export_api_requests_total/ { n += $2 } END { print n }' "$T/metrics")
ok "each was measured" [ "$(value export_api_request_seconds_count)" -ge "$((requests - 4))" ]
ok "and no other" [ "$(value export_api_request_seconds_count)" -le "$requests" ]

scripts/stack down worker >/dev/null 2>&1
id=$(post '{"startDate":"2018-11-30","endDate":"2018-12-01","parameters":["speed"]}')
ok "a worker that ended is not there any more" until_is export_worker_busy none
scrape
is "$(jobs_in NOT_STARTED)" 1 "a job waits"
ok "its age is known" \
    awk -v age="$(value export_oldest_queued_seconds)" 'BEGIN { exit !(age > 0 && age < 300) }'
ok "it is cancelled" curl -sf -X DELETE "$EXPORT_URL/export/$id"
scrape
is "$(jobs_in NOT_STARTED) $(jobs_in CANCELLED) $(value export_oldest_queued_seconds)" "0 1 0" \
    "then none waits"

# Two that are STARTED, one of which a worker holds: the other waits for its next attempt.
is "$(jobs_in STARTED) $(value export_jobs_resting)" "0 0" "none is STARTED"
exports '
job = db.jobs.find_one({"state": "CANCELLED"})
del job["finishedAt"]
for more in ({}, {"worker": "w"}):
    db.jobs.insert_one(dict(job, _id=ObjectId(), state="STARTED", name="two", **more))'
scrape
is "$(jobs_in STARTED) $(value export_jobs_resting)" "2 1" \
    "one that is STARTED and that no worker holds rests"
exports 'db.jobs.delete_many({"name": "two"})'

# A worker is called as its host, whatever that is called.
exports '
db.workers.insert_one({"_id": "a \"b\"\\ c\nd", "at": datetime.utcnow(), "stopped": False,
                       "version": "1", "values": {}})'
scrape
is "$(sed -n 's/^export_worker_info//p' "$T/metrics")" '{worker="a \"b\"\\ c d",version="1"} 1' \
    "a quote in a name is escaped"
is "$(faults)" "" "promtool takes such a name"
exports 'db.workers.delete_one({"version": "1"})'

# What is watched is there, worker or not.
scripts/stack up worker >/dev/null 2>&1
until_is export_worker_busy 0
{ curl -s "$EXPORT_URL/metrics"; cat "$EXPORT_RUN/supervisor.prom"; } |
    sed -nE 's/^# TYPE ([^ ]*) histogram$/\1_bucket\n\1_sum\n\1_count/p
	s/^# TYPE ([^ ]*) .*/\1/p' | sort >"$T/there"
/usr/bin/python3 - scripts/monitoring/{alerts.yml,dashboard.json} >"$T/named" <<'END'
import re, sys
for path in sys.argv[1:]:
    text = open(path).read()
    for name in set(re.findall(r"\bexport_[a-z_]+\b", text)):
        print(name)
END
is "$(sort -u "$T/named" | comm -23 - "$T/there")" "" "alerts and dashboard name what is there"
ok "they name some" [ "$(sort -u "$T/named" | wc -l)" -gt 15 ]
ok "the rules are rules" "$promtool" check rules scripts/monitoring/alerts.yml
ok "each alert comes when it should, and not before" "$promtool" test rules t/data/alerts_test.yml
/usr/bin/python3 - scripts/monitoring/dashboard.json >"$T/rules.yml" <<'END'
import json, sys
board = json.load(open(sys.argv[1]))
print("groups:\n- name: board\n  rules:")
n = 0
for panel in board["panels"]:
    for target in panel.get("targets", []):
        n += 1
        expr = target["expr"].replace("$__rate_interval", "5m")
        print("  - record: panel_%d\n    expr: %s" % (n, json.dumps(expr)))
END
ok "the dashboard's expressions are PromQL" "$promtool" check rules "$T/rules.yml"
for alert in $(sed -n 's/^  - alert: //p' scripts/monitoring/alerts.yml); do
	ok "docs/OPERATIONS.md says what to do at $alert" grep -q "$alert" docs/OPERATIONS.md
	ok "$alert is tested" grep -q "name: $alert\$" t/data/alerts_test.yml
done

# The broker is away: jobs are taken all the same, and it is counted that no worker was called.
scrape
before=$(value export_api_unpublished_total)
scripts/stack down rabbit >/dev/null 2>&1
for day in 01 02 03; do
	id=$(post "{\"startDate\":\"2018-11-30\",\"endDate\":\"2018-12-$day\"}")
	like "$id" '^[0-9a-f]{24}$' "without the broker a job is taken"
done
ok "each is counted as unpublished" until_is export_api_unpublished_total $((before + 3))

scripts/stack down mongo >/dev/null 2>&1
ok "without the database it says so" until_is export_database_up 0
ok "and still counts answers" [ "$(value 'export_api_requests_total{code="404"}')" -ge 8 ]
is "$(faults)" "" "promtool still takes it"
done_testing
