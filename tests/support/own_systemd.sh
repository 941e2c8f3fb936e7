#!/usr/bin/env bash
# own_systemd.sh DIR PROGRAMS: becomes the first process of a machine that has a systemd and nothing else: run it by
# unshare(1) with own processes, mounts, network, names and control groups. What it changes of the files is in memory and
# ends with it. The programs are in /opt/stream, DIR is /srv/test, this folder /srv/support. Says "ready" on the last line
# before systemd.
set -euo pipefail
dir=$1 programs=$2 root=$1/root own=$1/own
units=/usr/lib/systemd/system

mount --make-rprivate /
mkdir "$own" "$root"
mount -t tmpfs none "$own"
mkdir "$own/upper" "$own/work" "$own/units" "$own/none"
# What is there, with all that is written kept apart.
mount -t overlay -o "lowerdir=/,upperdir=$own/upper,workdir=$own/work" none "$root"
cd "$root"
mount -t proc none proc
# A first process sets limits of the kernel, which are everybody's.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro none sys
mount -t tmpfs none sys/fs/cgroup
mount -t cgroup2 none sys/fs/cgroup
for place in run tmp dev; do mount -t tmpfs -o mode=755 none "$place"; done
chmod 1777 tmp
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts dev/mqueue
mount -t tmpfs none dev/shm
mount -t devpts -o newinstance,ptmxmode=666 none dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

# Of Debian's units those that ours are ordered by, and the journal: nothing that looks for devices or logs anybody in.
for name in basic sysinit sockets timers paths slices local-fs swap network network-online time-sync multi-user shutdown umount; do
  cp "$units/$name.target" "$own/units"
done
mkdir "$own/units/sysinit.target.wants"
for name in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do
  cp "$units/$name" "$own/units"
  ln -s "../$name" "$own/units/sysinit.target.wants/$name"
done
mount --bind "$own/units" ".$units"
for place in usr/lib/systemd/system-generators etc/systemd/system; do mount --bind "$own/none" "$place"; done
rm -rf etc/machine-id etc/stream var/lib/stream opt/stream
echo 5eedc0de5eedc0de5eedc0de5eedc0de >etc/machine-id
mkdir -p opt/stream srv/test srv/support old
mount --bind "$programs" opt/stream
mount --bind "$dir" srv/test
mount --bind "${BASH_SOURCE[0]%/*}" srv/support

pivot_root . old
cd /
umount -l /old
ip link set lo up
hostname stream-test
echo ready
exec env -i container=stream-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --unit=multi-user.target --show-status=no
