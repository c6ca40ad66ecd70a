# exportctl.fish: completion of exportctl(1) for fish: commands, options, their values, names of
# vehicles and parameters, ids of exports.
# Names and ids are asked of the service, with what is on the line already (--url, --user, ...), for
# 2 s at most and quietly.

# __exportctl_ask ARGUMENT...: what exportctl prints, without headings.
function __exportctl_ask
    set -l words (commandline -opc)
    set -l asked
    set -l i 2
    while test $i -le (count $words)
        set -l option (string replace -r '=.*' '' -- $words[$i])
        if contains -- $option --url --user --password-file --cert --key --ca
            if string match -q -- '*=*' $words[$i]
                set -a asked $words[$i]
            else if test $i -lt (count $words)
                set i (math $i + 1)
                set -a asked $option $words[$i]
            end
        end
        set i (math $i + 1)
    end
    timeout 2 $words[1] $argv $asked --quiet </dev/null 2>/dev/null
end

# The first words of what it prints.
function __exportctl_first
    __exportctl_ask $argv | string replace -r ' .*' ''
end

function __exportctl_vehicles
    set -l begun (string replace -r '^--[a-z]+=' '' -- (commandline -ct))
    if test -n "$begun"
        __exportctl_first vehicles --limit 1000 --prefix $begun
    else
        __exportctl_first vehicles --limit 1000
    end
end

# Those of the last --vehicle on the line, else of the first hundred.
function __exportctl_parameters
    set -l vehicle (string match -rg -- '--vehicle[= ](\S+)' (commandline -opc | string join ' '))
    if set -q vehicle[1]
        __exportctl_first vehicles $vehicle[-1]
    else
        __exportctl_ask vehicles --limit 100 | string replace -r '^\S+ +\S+ +\S+ +' '' |
            string split , | sort -u
    end
end

# Ids with their states and names.
function __exportctl_ids
    __exportctl_ask list --limit 100 $argv | string replace -r '^(\S+) +' '$1\t'
end

# __exportctl_in COMMAND...: the line has one of them. __exportctl_none: it has none yet.
function __exportctl_in
    set -l words (commandline -opc)
    for word in $words[2..]
        if contains -- $word create get wait download list cancel vehicles estimate help
            contains -- $word $argv
            return
        end
    end
    return 1
end

function __exportctl_none
    not __exportctl_in create get wait download list cancel vehicles estimate help
end

complete -c exportctl -f

complete -c exportctl -n __exportctl_none -a create -d 'ask for an export'
complete -c exportctl -n __exportctl_none -a get -d 'show an export; wait for it, fetch it'
complete -c exportctl -n __exportctl_none -a wait -d 'wait until an export has ended'
complete -c exportctl -n __exportctl_none -a download -d 'wait for an export, fetch it'
complete -c exportctl -n __exportctl_none -a list -d 'list exports, newest first'
complete -c exportctl -n __exportctl_none -a cancel -d 'cancel an export'
complete -c exportctl -n __exportctl_none -a vehicles -d 'list vehicles, or show one'
complete -c exportctl -n __exportctl_none -a estimate -d 'what an export would read'
complete -c exportctl -n __exportctl_none -a help -d 'print a help'
complete -c exportctl -n __exportctl_none -l version -d 'print the version'
complete -c exportctl -n '__exportctl_in help' \
    -a 'create get wait download list cancel vehicles estimate help'
complete -c exportctl -n '__exportctl_in get' -a '(__exportctl_ids)'
complete -c exportctl -n '__exportctl_in wait cancel' \
    -a '(__exportctl_ids --state NOT_STARTED,STARTED)'
complete -c exportctl -n '__exportctl_in download' \
    -a '(__exportctl_ids --state NOT_STARTED,STARTED,FINISHED)'
complete -c exportctl -n '__exportctl_in vehicles' -a '(__exportctl_vehicles)'

complete -c exportctl -l url -x -d 'address of the service'
complete -c exportctl -l user -x -d 'who asks'
complete -c exportctl -l password-file -r -F -d 'file of the password'
complete -c exportctl -l cert -r -F -d 'client certificate'
complete -c exportctl -l key -r -F -d 'key of the certificate'
complete -c exportctl -l ca -r -F -d 'CAs to trust, too'
complete -c exportctl -l json -d 'print the answer as JSON'
complete -c exportctl -s q -l quiet -d 'no progress, no headings'
complete -c exportctl -s h -l help -d 'print a help'

complete -c exportctl -n '__exportctl_in create estimate' -l from -x -d 'first moment' \
    -a 'today yesterday 24h 7d'
complete -c exportctl -n '__exportctl_in create estimate' -l to -x -d 'first moment after it' \
    -a 'now today yesterday'
complete -c exportctl -n '__exportctl_in create estimate' -l last -x -d 'this long, until now' \
    -a '90m 24h 7d 4w'
complete -c exportctl -n '__exportctl_in create estimate' -l since -r -F \
    -d 'where an earlier export ended' -a '(__exportctl_ids)'
complete -c exportctl -n '__exportctl_in create estimate' -l vehicle -x -d 'only this vehicle' \
    -a '(__exportctl_vehicles)'
complete -c exportctl -n '__exportctl_in create estimate' -l vehicles-from -r -F \
    -d 'only those of a file'
complete -c exportctl -n '__exportctl_in create estimate' -l parameter -x -d 'only this column' \
    -a '(__exportctl_parameters)'
complete -c exportctl -n '__exportctl_in create estimate' -l format -x -d 'of the files' \
    -a 'csv parquet'
complete -c exportctl -n '__exportctl_in create estimate' -l time -x -d 'form of the time column' \
    -a 'ms rfc3339 local'
complete -c exportctl -n '__exportctl_in create estimate' -l split -x -d 'a file for each' \
    -a 'none day month'
complete -c exportctl -n '__exportctl_in create estimate' -l time-zone -x -d 'of times and days'
complete -c exportctl -n '__exportctl_in create estimate' -l every -x -d 'a row for each step' \
    -a '100ms 1s 10s 1m 10m 1h 24h'
complete -c exportctl -n '__exportctl_in create estimate' -l take -x -d 'what a step has' \
    -a 'last first mean min max'
complete -c exportctl -n '__exportctl_in create estimate' -l hold -x -d 'how old it may be' \
    -a '1s 10s 1m 10m 1h'
complete -c exportctl -n '__exportctl_in create estimate' -l csv -x -d 'form of the CSV' \
    -a 'rfc4180 excel excel-semicolon'
complete -c exportctl -n '__exportctl_in create estimate' -l header -x -d 'names of columns' \
    -a 'name unit'
complete -c exportctl -n '__exportctl_in create estimate' -l compression -x -a 'fast small'
complete -c exportctl -n '__exportctl_in create estimate' -l unknown-vehicles -x \
    -d 'vehicles that do not exist' -a 'fail skip'
complete -c exportctl -n '__exportctl_in create estimate' -l name -x -d 'a name for the job'

complete -c exportctl -n '__exportctl_in create get' -l wait -d 'wait until it has ended'
complete -c exportctl -n '__exportctl_in create get download' -s o -l output -r -F \
    -d 'where to fetch it'
complete -c exportctl -n '__exportctl_in create get download' -l extract -d 'unpack the ZIP'
complete -c exportctl -n '__exportctl_in create get download' -l keep-zip -d 'and keep it'
complete -c exportctl -n '__exportctl_in create get download cancel' -l force \
    -d 'replace files; cancel what is FINISHED'
complete -c exportctl -n '__exportctl_in list' -l state -x -d 'only in this state' \
    -a 'NOT_STARTED STARTED FINISHED FAILED CANCELLED EXPIRED'
complete -c exportctl -n '__exportctl_in list' -l fields -x -d 'with --json, only these' \
    -a 'state name size createdAt expiresAt sha256'
complete -c exportctl -n '__exportctl_in list vehicles' -l limit -x -d 'at most this many'
complete -c exportctl -n '__exportctl_in list vehicles' -l all -d 'all there are'
complete -c exportctl -n '__exportctl_in vehicles' -l prefix -x -d 'only names that begin so' \
    -a '(__exportctl_vehicles)'
