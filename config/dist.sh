#!/usr/bin/env bash
# Makes a distribution that needs no JDK: a runtime with the modules that are needed (jlink), the jars
# beside it, and a launcher. The samples go along, for demo and self-test.
#   config/dist.sh OUT        OUT: a folder that is not there
# Needs a JDK 25 (JAVA_HOME), and cli/target/lib as `./mvnw -B package -pl cli -am` leaves it; or give
# a folder of all jars, the command's own among them, as JARS.
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${1:?usage: config/dist.sh OUT}
jdk=${JAVA_HOME:?set JAVA_HOME to a JDK 25}
jars=${JARS:-}

if [ -e "$out" ]; then
    echo "dist.sh: $out is there already" >&2
    exit 2
fi
if [ -z "$jars" ] && ! [ -f "$root/cli/target/millrace-cli.jar" ]; then
    echo "dist.sh: $root/cli/target/millrace-cli.jar is not there; run ./mvnw -B package -pl cli -am -DskipTests" >&2
    exit 2
fi

# What the program and its libraries reach for: Unsafe, the file systems of jars, JMX for the program's
# own flags, names and ciphers of a hub's server. Nothing opens a window, but classes of DJL (images,
# sound), JNA and Chronicle (java.beans) name those of java.desktop.
modules=java.base,java.logging,java.management,java.net.http,java.naming,java.security.jgss,java.sql,java.xml
modules=$modules,java.compiler,java.desktop,java.instrument,jdk.unsupported,jdk.zipfs,jdk.crypto.ec,jdk.jfr
modules=$modules,jdk.httpserver,jdk.management,jdk.compiler,jdk.incubator.vector
"$jdk/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages \
    --output "$out/runtime"

mkdir -p "$out/lib" "$out/config" "$out/bin"
if [ -n "$jars" ]; then
    cp "$jars"/*.jar "$out/lib/"
else
    cp "$root/cli/target/millrace-cli.jar" "$root"/cli/target/lib/*.jar "$out/lib/"
fi
cp "$root/config/jvm.args" "$out/config/"
cp -R "$root/samples" "$out/samples"
cp "$root/LICENSE" "$out/"

cat >"$out/bin/millrace" <<'LAUNCHER'
#!/usr/bin/env bash
# Runs the millrace command of this distribution. MILLRACE_JAVA_OPTS: more options for the JVM.
set -euo pipefail
home=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
*[Uu][Tt][Ff]*8*) ;;
*) export LC_ALL=C.UTF-8 ;;
esac
# The JVM announces its incubator module and cannot be told not to: see the launcher of the sources.
exec 3>&2
# A script that starts it in the background has SIGINT ignored, and a JVM would keep it so.
start=()
if [[ $(trap -p INT) == "trap -- ''"* ]] && env --default-signal=INT true 2>/dev/null; then
    start=(env --default-signal=INT)
fi
# shellcheck disable=SC2086 # several options in one variable
exec "${start[@]}" "$home/runtime/bin/java" "@$home/config/jvm.args" -Xmx2g -XX:+UseSerialGC \
    "-Dmillrace.home=$home" -Dmillrace.stderr=3 ${MILLRACE_JAVA_OPTS:-} \
    -cp "$home/lib/*" io.millrace.cli.Main "$@" \
    2> >(exec grep -v --line-buffered 'Using incubator modules: jdk.incubator.vector' >&3)
LAUNCHER
chmod +x "$out/bin/millrace"
echo "$out: $(du -sh "$out" | cut -f1)"
