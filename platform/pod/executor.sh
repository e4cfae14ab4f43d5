# Runs what the sidecar asks for in one container of a run's pod, as link.ts says. $1: the control folder. FORGETS: whether nothing that a
# program left in shared memory is there for the next one.

[ "$PPID" = 1 ] || { echo 'executor: has to be started by the init of its container' >&2; exit 64; }

# What programs inherit is what the image sets: nothing of the cluster (its services, the pod's name) and nothing of this script.
set -f
for name in $(env | cut -d= -f1); do
  case $name in
    *[!A-Za-z0-9_]* | [0-9]*) ;;
    KUBERNETES_* | *_SERVICE_HOST | *_SERVICE_PORT | *_SERVICE_PORT_* | *_PORT_*_TCP* | *_PORT_*_UDP* | *_PORT_*_SCTP*) unset "$name" ;;
    *_PORT) eval "case \$$name in tcp://* | udp://* | sctp://*) unset $name ;; esac" ;;
    EXECUTOR | HOSTNAME | before | counters | forgets | key | kills | name | value | verb) unset "$name" ;;
  esac
done
before=0
forgets=$FORGETS
unset FORGETS

# How often the kernel has killed here for want of memory, as $kills; the counter has its own place in each version of cgroups.
count_kills() {
  kills=0
  for counters in "/sys/fs/cgroup/memory.events" "/sys/fs/cgroup/memory/memory.oom_control"; do
    [ -r "$counters" ] || continue
    while read -r key value; do [ "$key" != oom_kill ] || kills=$value; done <"$counters"
  done
}

# Kills everything in the container but init and this shell. A pass misses no process: one that is being killed can't fork any more.
end_all() {
  kill -KILL -1
  wait
  while kill -KILL -1; do sleep 0.01; done
} 2>/dev/null

# Folders in memory stay, being mounted; all in them goes, and what System V keeps. By the system's own programs: nobody kills these.
forget() {
  command -p rm -rf /dev/shm /dev/mqueue
  command -p ipcrm --all
} 2>/dev/null

# Whoever comes first makes the pipe; opening it waits for the other.
umask 007
mkfifo "$1/replies" 2>/dev/null
exec 4>"$1/replies" || exit
umask 022
# From now on by relative paths: what programs do to the names above changes nothing.
cd "$1/sidecar" || exit
exec 3<requests || exit
echo ready >&4

while read -r verb name <&3; do
  case $verb in
    run)
      count_kills
      before=$kills
      {
        env --default-signal /bin/sh "$name/script"
        echo "ended $name $?" >&4
      } 3<&- &
      ;;
    kill)
      end_all
      [ -z "$forgets" ] || forget
      count_kills
      echo "gone $name $((kills - before))" >&4
      ;;
    exit)
      end_all
      exit 0
      ;;
  esac
done

# The sidecar is gone.
end_all
exit 1
