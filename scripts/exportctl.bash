# exportctl.bash: completion of exportctl(1) for bash: commands, options, their values, names of
# vehicles and parameters, ids of exports.
# Names and ids are asked of the service, with what stands on the line already (--url, --user, ...),
# for 2 s at most and quietly.
# shellcheck shell=bash

_exportctl_options()
{
	local common='--url --user --password-file --cert --key --ca --json --quiet --help'
	local request='--from --to --last --since --vehicle --vehicles-from --parameter --format'

	request+=' --time --split --time-zone --every --take --hold --csv --header --compression'
	request+=' --unknown-vehicles --name'

	case "$1" in
	create)		echo "$common $request --wait --output --extract --keep-zip --force" ;;
	get)		echo "$common --wait --output --extract --keep-zip --force" ;;
	wait)		echo "$common" ;;
	download)	echo "$common --output --extract --keep-zip --force" ;;
	list)		echo "$common --state --fields --limit --all" ;;
	cancel)		echo "$common --force" ;;
	vehicles)	echo "$common --prefix --limit --all" ;;
	estimate)	echo "$common $request" ;;
	help)		echo "$common" ;;
	*)		echo "$common --version" ;;
	esac
}

# _exportctl_ask ARGUMENT...: the first column of what exportctl prints, where it begins as the word
# does. (Not by compgen -W, which would run what stands in backticks in a name.)
_exportctl_ask()
{
	local found

	while read -r found _; do
		[[ $found != "$cur"* ]] || COMPREPLY+=("$(printf '%q' "$found")")
	done < <(timeout 2 "${COMP_WORDS[0]}" "$@" "${asked[@]}" --quiet </dev/null 2>/dev/null)
}

# Those of the vehicle that the line names, else of the first hundred.
_exportctl_parameters()
{
	local found

	if [ -n "$vehicle" ]; then
		_exportctl_ask vehicles "$vehicle"
		return
	fi
	while IFS= read -r found; do
		[[ $found != "$cur"* ]] || COMPREPLY+=("$(printf '%q' "$found")")
	done < <(timeout 2 "${COMP_WORDS[0]}" vehicles --limit 100 "${asked[@]}" --quiet \
	    </dev/null 2>/dev/null | sed -E 's/^[^ ]+ +[^ ]+ +[^ ]+ +//' | tr , '\n' | sort -u)
}

_exportctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' asked=() \
		vehicle='' i word
	COMPREPLY=()

	# --option=value comes as three words.
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case "$word" in
		--url|--user|--password-file|--cert|--key|--ca)
			[ "${COMP_WORDS[i + 1]-}" != = ] || i=$((i + 1))
			# A URL comes in pieces: its colons part words.
			local value=${COMP_WORDS[i + 1]-}
			while [[ ${COMP_WORDS[i + 2]-} == : && $((i + 3)) -lt $COMP_CWORD ]]; do
				value+=:${COMP_WORDS[i + 3]}
				i=$((i + 2))
			done
			i=$((i + 1))
			[ -z "$value" ] || asked+=("$word" "${value/#\~/$HOME}") ;;
		--vehicle)
			[ "${COMP_WORDS[i + 1]-}" != = ] || i=$((i + 1))
			[ $((i + 1)) -ge "$COMP_CWORD" ] || vehicle=${COMP_WORDS[i + 1]-} ;;
		create|get|wait|download|list|cancel|vehicles|estimate|help)
			[ -n "$command" ] || command=$word ;;
		esac
	done

	case "$prev" in
	--format)	mapfile -t COMPREPLY < <(compgen -W 'csv parquet' -- "$cur"); return ;;
	--time)		mapfile -t COMPREPLY < <(compgen -W 'ms rfc3339 local' -- "$cur"); return ;;
	--every)
		mapfile -t COMPREPLY < <(compgen -W '100ms 1s 10s 1m 10m 1h 24h' -- "$cur")
		return ;;
	--take)
		mapfile -t COMPREPLY < <(compgen -W 'last first mean min max' -- "$cur")
		return ;;
	--split)	mapfile -t COMPREPLY < <(compgen -W 'none day month' -- "$cur"); return ;;
	--header)	mapfile -t COMPREPLY < <(compgen -W 'name unit' -- "$cur"); return ;;
	--hold)		mapfile -t COMPREPLY < <(compgen -W '1s 10s 1m 10m 1h' -- "$cur"); return ;;
	--csv)
		mapfile -t COMPREPLY < <(compgen -W 'rfc4180 excel excel-semicolon' -- "$cur")
		return ;;
	--compression)	mapfile -t COMPREPLY < <(compgen -W 'fast small' -- "$cur"); return ;;
	--unknown-vehicles)
		mapfile -t COMPREPLY < <(compgen -W 'fail skip' -- "$cur"); return ;;
	--state)
		mapfile -t COMPREPLY < \
			<(compgen -W 'NOT_STARTED STARTED FINISHED FAILED CANCELLED EXPIRED' -- \
			"${cur##*,}")
		[[ $cur != *,* ]] || COMPREPLY=("${COMPREPLY[@]/#/${cur%,*},}")
		return ;;
	-o|--output|--password-file|--cert|--key|--ca|--vehicles-from)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		! type compopt >/dev/null || compopt -o filenames 2>/dev/null
		return ;;
	--vehicle|--prefix)
		_exportctl_ask vehicles --limit 1000 ${cur:+--prefix "$cur"}
		return ;;
	--from|--to)
		mapfile -t COMPREPLY < <(compgen -W 'today yesterday now 24h 7d' -- "$cur")
		return ;;
	--last)		mapfile -t COMPREPLY < <(compgen -W '90m 24h 7d 4w' -- "$cur"); return ;;
	--since)
		_exportctl_ask list --limit 100
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
		! type compopt >/dev/null || compopt -o filenames 2>/dev/null
		return ;;
	--parameter)
		_exportctl_parameters
		return ;;
	--fields)
		mapfile -t COMPREPLY < <(compgen -W 'state name size createdAt expiresAt sha256' \
			-- "${cur##*,}")
		[[ $cur != *,* ]] || COMPREPLY=("${COMPREPLY[@]/#/${cur%,*},}")
		return ;;
	--url|--user|--name|--limit|--time-zone)
		return ;;
	esac

	case "$cur" in
	-*)	mapfile -t COMPREPLY < <(compgen -W "$(_exportctl_options "$command")" -- "$cur");
	return ;;
	esac
	case "$command" in
	''|help)
		mapfile -t COMPREPLY < <(compgen -W "create get wait download list cancel vehicles \
			estimate help" -- "$cur") ;;
	get)	_exportctl_ask list --limit 100 ;;
	wait|cancel)
		_exportctl_ask list --limit 100 --state NOT_STARTED,STARTED ;;
	download)
		_exportctl_ask list --limit 100 --state NOT_STARTED,STARTED,FINISHED ;;
	vehicles)
		_exportctl_ask vehicles --limit 1000 ${cur:+--prefix "$cur"} ;;
	esac
}
complete -F _exportctl exportctl
