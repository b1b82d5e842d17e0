"""The scripts that a replica's machine runs. Pure text; for bash 3.2 (macOS) and later."""

from __future__ import annotations

from skyflow.remote.conda import ACTIVATE_CONDA, INSTALL_CONDA, uses_conda

HOME = "~/.skyflow-replica"
"""Where skyflow keeps its files on a replica."""

_PREAMBLE = """\
#!/bin/bash
cd ~/sky_workdir || exit 1
. ~/.skyflow-replica/env || exit 1
"""


def setup_script(setup: str | None, run: str | None) -> str | None:
    """Return the script of the setup step; None if there is nothing to set up."""
    conda = uses_conda(setup, run)
    if not setup and not conda:
        return None
    return _PREAMBLE + (INSTALL_CONDA if conda else "") + (setup or "")


def run_script(run: str) -> str:
    """Return the script that is the service."""
    return _PREAMBLE + (ACTIVATE_CONDA if uses_conda(run) else "") + run


PREPARE = """\
mkdir -p ~/sky_workdir
umask 077
mkdir -p ~/.skyflow-replica/claims ~/.skyflow-replica/logs && cd ~/.skyflow-replica || exit 1
touch logs/setup.log logs/run.log
staging=$(mktemp -d ./new-XXXXXXXX) || exit 1
trap 'rm -rf "$staging"' EXIT
tar -xf - -C "$staging" || exit 1
rm -f setup.sh
mv -f "$staging"/* .
"""
"""Make the replica's directories, and put the files of a tar archive in its home.

The logs are there from the start, so that they can be followed. Files are renamed into place: a
script that runs is not changed under it.
"""


LIBRARY = """\
# What skyflow's scripts on this machine share.

# started_at PID: print when a process started, nothing if it has ended. A number is used again
# for another process; number and start are not.
started_at() {
  if [ -r "/proc/$1/stat" ]; then
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
  elif [ ! -d /proc/self ]; then
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' _
  fi
}

# alive PID START: whether that very process still runs.
alive() { [ -n "$1" ] && [ -n "$2" ] && [ "$(started_at "$1")" = "$2" ]; }

# group_alive GROUP: whether a process group has a process that has not ended. One that nobody waits
# for, as in a container without an init, stays listed after its end.
group_alive() {
  kill -0 -- "-$1" 2>/dev/null || return 1
  [ -d /proc/self ] || return 0
  local file stat
  for file in /proc/[0-9]*/stat; do
    stat=
    { read -r stat <"$file"; } 2>/dev/null
    set -- "$1" ${stat##*) }
    [ "$4" = "$1" ] && [ "$2" != Z ] && return 0
  done
  return 1
}

# load JOB: read the last start of a job into variables.
load() {
  token= keeper= keeper_start= leader= leader_start=
  [ -r "$1.process" ] && read -r token keeper keeper_start leader leader_start <"$1.process"
}

exit_file() { if [ "$1" = run ]; then echo exit_code; else echo "$1.exit_code"; fi; }

# state JOB: print `none`, `running`, `exited CODE` or `killed`.
state() {
  load "$1"
  [ -n "$token" ] || { echo none; return; }
  local tries=0
  while [ ! -s "$(exit_file "$1")" ]; do
    alive "$leader" "$leader_start" && { echo running; return; }
    # The keeper is about to write the exit code, unless it was killed.
    if ! alive "$keeper" "$keeper_start" || [ $tries -ge 50 ]; then
      [ -s "$(exit_file "$1")" ] || { echo killed; return; }
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
  echo "exited $(cat "$(exit_file "$1")")"
}
"""

KEEPER = """\
# Runs one job to its end and notes how it ended: keeper.sh JOB TOKEN
cd ~/.skyflow-replica || exit 1
. ./library.sh
# note TEXT FILE: write a file whole, as soon as the disk takes it.
note() {
  until { echo "$1" >"$2.new" && mv -f "$2.new" "$2"; } 2>/dev/null; do
    [ -d ~/.skyflow-replica ] || exit 1
    sleep 0.5
  done
}
# Only one keeper can make the directory: a job is never started twice with one token.
mkdir "claims/$1-$2" 2>/dev/null || exit 0
exit_file=$(exit_file "$1")
rm -f "$exit_file" "$1.process"
# Held open until this process ends, however it ends: whoever waits for the job reads it.
[ -p "$1.alive" ] || mkfifo "$1.alive" 2>/dev/null
[ -p "$1.alive" ] && exec 9<>"$1.alive"
set -m
bash -l "./$1.sh" </dev/null >>"logs/$1.log" 2>&1 9>&- &
leader=$!
set +m
note "$2 $$ $(started_at $$) $leader $(started_at $leader)" "$1.process"
[ "$1" = run ] && note "$leader" pid
note "" "claims/$1-$2/started"
wait "$leader"
note $? "$exit_file"
"""


def start_script(job: str, token: str) -> str:
    """Return a script that starts a job detached, once per token; no script, no job.

    Status 75 (EX_TEMPFAIL of sysexits.h): another start of the job still runs. Status 1: the job
    did not start.
    """
    return f"""\
cd {HOME} && . ./library.sh || exit 1
[ -e {job}.sh ] || exit 0
[ -e claims/{job}-{token}/started ] && exit 0
current=$(state {job})
load {job}
[ "$current" = running ] && [ "$token" != {token} ] && exit 75
set -m
nohup bash ./keeper.sh {job} {token} </dev/null >/dev/null 2>&1 &
set +m
tries=0
while [ $tries -lt 100 ]; do
  [ -e claims/{job}-{token}/started ] && exit 0
  tries=$((tries + 1))
  sleep 0.05
done
exit 1
"""


def state_script(job: str) -> str:
    """Return a script that prints the state of a job."""
    return f"cd {HOME} 2>/dev/null && . ./library.sh || {{ echo none; exit 0; }}; state {job}"


def wait_script(job: str, seconds: int) -> str:
    """Return a script that prints the state of a job once it has ended, or after some seconds.

    Opening a pipe for reading alone would wait for a writer, so it is opened for both first.
    """
    return f"""\
cd {HOME} 2>/dev/null && . ./library.sh || {{ echo none; exit 0; }}
deadline=$((SECONDS + {seconds}))
if [ -p {job}.alive ]; then
  exec 8<>{job}.alive 9<{job}.alive 8>&-
  read -r -t {seconds} -u 9 nothing
fi
while [ "$(state {job})" = running ] && [ $SECONDS -lt $deadline ]; do sleep 0.3; done
state {job}
"""


def stop_script(grace_seconds: float) -> str:
    """Return a script that ends every process of setup and run: SIGTERM, then SIGKILL."""
    return f"""\
cd {HOME} 2>/dev/null && . ./library.sh || exit 0
groups=
for job in setup run; do
  load $job
  [ -n "$leader" ] || continue
  now=$(started_at "$leader")
  # The number of a leader that ended is not used again while its group exists.
  if [ -z "$now" ] || [ "$now" = "$leader_start" ]; then groups="$groups $leader"; fi
done
remaining() {{
  for group in $groups; do group_alive "$group" && return 0; done
  return 1
}}
signal() {{ for group in $groups; do kill "-$1" -- "-$group" 2>/dev/null; done; }}
signal TERM
tries=0
while remaining && [ $tries -lt {round(grace_seconds * 10)} ]; do
  sleep 0.1
  tries=$((tries + 1))
done
remaining || exit 0
signal KILL
tries=0
while remaining && [ $tries -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
exit 0
"""


def follow_log_script(stream: str, offset: int) -> str:
    """Return a script that prints a log from an offset in bytes on, also what is added to it.

    It reads stdin so as to notice when nobody listens any more: sshd would not tell it. A tail that
    cannot be woken, as where the kernel's watches are used up, looks once a second unless told.
    """
    return f"""\
pace=
tail -s 0.2 -c 0 /dev/null 2>/dev/null && pace='-s 0.2'
tail $pace -c +{offset + 1} -F {HOME}/logs/{stream}.log 2>/dev/null &
trap "kill $! 2>/dev/null" EXIT
cat >/dev/null
"""


def rest_of_log_script(stream: str, offset: int) -> str:
    """Return a script that prints a log from an offset in bytes to its end."""
    return f"tail -c +{offset + 1} {HOME}/logs/{stream}.log"
