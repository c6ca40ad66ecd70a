#compdef exportctl
# exportctl.zsh: completion of exportctl(1) for zsh: commands, options, their values, names of
# vehicles and parameters, ids of exports.
# Names and ids are asked of the service, with what is on the line already (--url, --user, ...), for
# 2 s at most and quietly.

# _exportctl_options [COMMAND]: specs of its options, for _arguments, into specs.
_exportctl_options()
{
	local -a common request output lists

	common=(
		'--url=[address of the service]:URL:'
		'--user=[who asks]:name:'
		'--password-file=[file of the password]:file:_files'
		'--cert=[client certificate]:file:_files'
		'--key=[key of the certificate]:file:_files'
		'--ca=[CAs to trust, too]:file:_files'
		'--json[print the answer as JSON]'
		'(-q --quiet)'{-q,--quiet}'[no progress, no headings]'
		'(-h --help)'{-h,--help}'[print a help]'
	)
	request=(
		'(--last --since)--from=[first moment]:date:(today yesterday 24h 7d)'
		'(--last)--to=[first moment after the range]:date:(now today yesterday)'
		'(--from --to --since)--last=[this long, until now]:length:(90m 24h 7d 4w)'
		'(--from --last)--since=[where an earlier export ended]:export:_exportctl_since'
		'*--vehicle=[only this vehicle]:vehicle:_exportctl_vehicles'
		'--vehicles-from=[only those of a file]:file:_files'
		'*--parameter=[only this column]:parameter:_exportctl_parameters'
		'--format=[of the files]:format:(csv parquet)'
		'--time=[form of the time column]:time:(ms rfc3339 local)'
		'--split=[a file for each]:split:(none day month)'
		'--time-zone=[of times and days]:zone:_time_zone'
		'--every=[a row for each step]:length:(100ms 1s 10s 1m 10m 1h 24h)'
		'--take=[what a step has]:take:(last first mean min max)'
		'--hold=[how old it may be]:length:(1s 10s 1m 10m 1h)'
		'--csv=[form of the CSV]:csv:(rfc4180 excel excel-semicolon)'
		'--header=[names of columns]:header:(name unit)'
		'--compression=:compression:(fast small)'
		'--unknown-vehicles=[vehicles that do not exist]:what:(fail skip)'
		'--name=[a name for the job]:name:'
	)
	output=(
		'(-o --output)'{-o+,--output=}'[where to fetch it]:file:_files'
		'--extract[unpack the ZIP]'
		'--keep-zip[and keep it]'
		'--force[replace files]'
	)
	lists=('--limit=[at most this many]:number:' '--all[all there are]')
	case $1 in
	create)		specs=($common $request $output '--wait[wait until it has ended]') ;;
	get)		specs=($common $output '--wait[wait until it has ended]') ;;
	download)	specs=($common $output) ;;
	list)		specs=($common $lists
			'--state=[only in these states]:state:_exportctl_states'
			'--fields=[with --json, only these]:field:_exportctl_fields') ;;
	cancel)		specs=($common '--force[also what is FINISHED]') ;;
	vehicles)	specs=($common $lists
			'--prefix=[only names that begin so]:prefix:_exportctl_vehicles') ;;
	estimate)	specs=($common $request) ;;
	wait|help)	specs=($common) ;;
	*)		specs=($common '--version[print the version]') ;;
	esac
}

# The settings on the line, a word each; those before the command are in exportctl_before, as
# opt_args has only those of its part.
_exportctl_settings()
{
	local option

	for option in --url --user --password-file --cert --key --ca; do
		[[ -z ${opt_args[$option]} ]] || print -r -- $option "${(Q)opt_args[$option]}"
	done
}

# _exportctl_ask ARGUMENT...: what exportctl prints, without headings, a line each into found.
_exportctl_ask()
{
	local -a asked

	asked=($exportctl_before $(_exportctl_settings))
	found=("${(@f)$(timeout 2 "$exportctl_program" "$@" $asked --quiet \
	    </dev/null 2>/dev/null)}")
	found=(${found:#})
}

_exportctl_vehicles()
{
	local -a found

	_exportctl_ask vehicles --limit 1000 ${PREFIX:+--prefix} ${PREFIX:+$PREFIX}
	compadd "$@" -- ${found%% *}
}

# Those of the last --vehicle on the line, else of the first hundred.
_exportctl_parameters()
{
	local -a found names
	local vehicle=${opt_args[--vehicle]##*:}

	if [[ -n $vehicle ]]; then
		_exportctl_ask vehicles "${(Q)vehicle}"
		names=(${found%% *})
	else
		_exportctl_ask vehicles --limit 100
		names=(${(us:,:)${(j:,:)found##* }})
	fi
	compadd "$@" -- $names
}

# _exportctl_ids [ARGUMENT...]: of list.
_exportctl_ids()
{
	local -a found

	_exportctl_ask list --limit 100 $exportctl_states
	compadd "$@" -d found -- ${found%% *}
}

_exportctl_since() { _exportctl_ids "$@"; _files; }

_exportctl_states()
{
	_values -s , state NOT_STARTED STARTED FINISHED FAILED CANCELLED EXPIRED
}

_exportctl_fields()
{
	_values -s , field state name size createdAt expiresAt sha256
}

_exportctl()
{
	local curcontext=$curcontext state line exportctl_program=${(Q)words[1]}
	local -a specs commands exportctl_states exportctl_before
	typeset -A opt_args

	commands=(
		'create:ask for an export'
		'get:show an export; wait for it, fetch it'
		'wait:wait until an export has ended'
		'download:wait for an export, fetch it'
		'list:list exports, newest first'
		'cancel:cancel an export'
		'vehicles:list vehicles, or show one'
		'estimate:what an export would read'
		'help:print a help'
	)
	_exportctl_options
	_arguments -C $specs '1:command:->command' '*::argument:->rest' && return
	case $state in
	command)
		_describe command commands ;;
	rest)
		curcontext=${curcontext%:*:*}:exportctl-$words[1]:
		local command=$words[1]

		exportctl_before=($(_exportctl_settings))
		_exportctl_options $command
		case $command in
		wait|cancel)	exportctl_states=(--state NOT_STARTED,STARTED) ;;
		download)	exportctl_states=(--state NOT_STARTED,STARTED,FINISHED) ;;
		esac
		case $command in
		get|wait|download|cancel)
			_arguments $specs '1:export:_exportctl_ids' ;;
		vehicles)
			_arguments $specs '1:vehicle:_exportctl_vehicles' ;;
		help)
			_arguments $specs "1:command:(${commands%%:*})" ;;
		*)
			_arguments $specs ;;
		esac ;;
	esac
}

# Loaded by compinit it is a function's body; a test reads it for the functions only.
[[ $funcstack[1] != _exportctl ]] || _exportctl "$@"
