#!/usr/bin/env bash
# Packs what bench/gpu.sh needs into one file for a machine with a GPU and no network: a Java image,
# the jars, the tests that need a card. CUDA's own libraries are taken from that machine.
#   bench/bundle.sh [FILE]        default: bench/target/millrace-gpu.tar.xz
#   MAVEN_ARGS                    more options for Maven, such as -o
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
file=$(realpath -m "${1:-$root/bench/target/millrace-gpu.tar.xz}")
limit=$((60 * 1000 * 1000))
# Of the presets' natives, what Millrace calls.
cuda_natives='libjni(cudart|nvrtc|cublas|nvml)\.so'
# What our classes, Netty, Chronicle, the tokenizers and JUnit ask of the JDK.
modules=java.base,java.compiler,java.desktop,java.instrument,java.logging,java.management
modules+=,java.naming,java.net.http,java.xml,jdk.httpserver,jdk.incubator.vector,jdk.jfr
modules+=,jdk.management,jdk.net,jdk.unsupported,jdk.zipfs

fail() {
    printf 'bundle.sh: %s\n' "$1" >&2
    exit "$2"
}

find_jdk() {
    local candidate
    for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* "${HOME:-}"/.jdks/*; do
        if [ -x "$candidate/bin/jlink" ] && grep -qs '^JAVA_VERSION="25[."]' "$candidate/release"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

jdk=$(find_jdk) || fail "no JDK 25 with jlink found; set JAVA_HOME to one" 2
command -v xz >/dev/null || fail "xz is missing; install xz-utils" 2
command -v zip >/dev/null || fail "zip is missing; install zip" 2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
home=$stage/millrace-gpu
mkdir -p "$home/lib" "$home/test-lib" "$home/tests" "$home/config"

cd "$root"
JAVA_HOME=$jdk ./mvnw -B -q -pl cli,bench -am -DskipTests \
    -Dspotless.check.skip=true package
cp cli/target/lib/*.jar cli/target/millrace-cli.jar "$home/lib/"
cp bench/target/millrace-bench-*.jar "$home/lib/"
for artifact in org.junit.platform:junit-platform-console-standalone:6.1.3 \
    org.assertj:assertj-core:3.27.7; do
    JAVA_HOME=$jdk ./mvnw -B -q -N org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy \
        -Dartifact="$artifact" -DoutputDirectory="$home/test-lib" -Dmdep.stripVersion=true
done
# As folders: tests read their models by path.
for module in memory-tiers prefetcher block-executor; do
    cp -r "$module/target/test-classes" "$home/tests/$module"
done

# Natives of other systems, and those of CUDA libraries that nothing calls.
for jar in "$home"/lib/tokenizers-*.jar "$home"/lib/jna-*.jar "$home"/lib/jffi-*.jar; do
    zip -q -d "$jar" 'native/lib/win-*' 'native/lib/osx-*' 'native/lib/linux-aarch64*' \
        'com/sun/jna/win*' 'com/sun/jna/darwin*' 'com/sun/jna/sunos*' 'com/sun/jna/*bsd*' \
        'com/sun/jna/aix*' 'com/sun/jna/android*' 'jni/*Windows*' 'jni/Darwin*' 'jni/*SunOS*' \
        'jni/*BSD*' 'jni/*AIX*' 'jni/DragonFly*' >/dev/null || [ $? -eq 12 ]
done
natives=$(echo "$home"/lib/cuda-*-linux-x86_64.jar)
mapfile -t unused < <(unzip -Z1 "$natives" | grep '\.so$' | grep -Ev "$cuda_natives")
zip -q -d "$natives" "${unused[@]}"
# xz packs what lies open better than what was packed before, and machine code better with --x86.
for jar in "$home"/lib/*.jar "$home"/test-lib/*.jar; do
    open=$(mktemp -d -p "$stage")
    (cd "$open" && unzip -q "$jar" && rm "$jar" && zip -q -r -0 "$jar" .)
    rm -rf "$open"
done

"$jdk/bin/jlink" --add-modules "$modules" --no-header-files --no-man-pages --strip-debug \
    --output "$home/jdk"
cp config/jvm.args "$home/config/"
cp bench/gpu.sh bench/zo2.sh docs/gpu.md LICENSE "$home/"
cp bench/bundled-millrace.sh "$home/millrace"
git rev-parse HEAD >"$home/COMMIT" 2>/dev/null || echo unknown >"$home/COMMIT"

mkdir -p "$(dirname "$file")"
tar -C "$stage" --sort=name --owner=0 --group=0 -cf - millrace-gpu | xz -T0 --x86 --lzma2=preset=8 >"$file"
bytes=$(stat -c %s "$file")
printf '%s: %d bytes\n' "$file" "$bytes"
[ "$bytes" -lt "$limit" ] || fail "the bundle is larger than $limit bytes" 1
