package io.millrace.executor.cuda.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelCacheTest {
    @TempDir Path temp;

    private static final class CountingCompiler implements KernelCompiler {
        private final String version;
        private int compiled;

        CountingCompiler(String version) {
            this.version = version;
        }

        @Override
        public String version() {
            return version;
        }

        @Override
        public byte[] compile(int capability) {
            compiled++;
            return (version + " for " + capability).getBytes(StandardCharsets.UTF_8);
        }
    }

    @Test
    void compilesOnceForADeviceAndACompiler() {
        KernelCache cache = new KernelCache(temp.resolve("kernels"));
        CountingCompiler compiler = new CountingCompiler("one");
        byte[] first = cache.image(compiler, 90);
        assertThat(cache.image(compiler, 90)).isEqualTo(first);
        assertThat(compiler.compiled).isEqualTo(1);
        assertThat(cache.image(compiler, 80)).isNotEqualTo(first);
        assertThat(compiler.compiled).isEqualTo(2);
        CountingCompiler other = new CountingCompiler("two");
        assertThat(cache.image(other, 90)).isNotEqualTo(first);
        assertThat(other.compiled).isEqualTo(1);
    }

    @Test
    void makesADamagedFileAnew() throws IOException {
        KernelCache cache = new KernelCache(temp);
        CountingCompiler compiler = new CountingCompiler("one");
        byte[] image = cache.image(compiler, 90);
        Path file = files().getFirst();
        byte[] damaged = Files.readAllBytes(file);
        damaged[3] ^= 1;
        Files.write(file, damaged);
        assertThat(cache.image(compiler, 90)).isEqualTo(image);
        assertThat(compiler.compiled).isEqualTo(2);
        assertThat(cache.image(compiler, 90)).isEqualTo(image);
        assertThat(compiler.compiled).isEqualTo(2);
        assertThat(files()).hasSize(1);
    }

    @Test
    void compilesEachTimeWhereNothingCanBeKept() throws IOException {
        Path file = Files.writeString(temp.resolve("taken"), "not a folder");
        KernelCache cache = new KernelCache(file);
        CountingCompiler compiler = new CountingCompiler("one");
        assertThat(cache.image(compiler, 90)).isEqualTo(cache.image(compiler, 90));
        assertThat(compiler.compiled).isEqualTo(2);
    }

    @Test
    void leavesNoPartWhereTheImageCannotBeKept() throws IOException {
        KernelCache cache = new KernelCache(temp);
        CountingCompiler compiler = new CountingCompiler("one");
        cache.image(compiler, 90);
        Path image = files().getFirst();
        Files.delete(image);
        Files.createDirectories(image.resolve("in the way"));

        cache.image(compiler, 90);
        assertThat(files()).containsExactly(image);
    }

    @Test
    void liesWhereTheUserKeepsCaches() {
        CountingCompiler compiler = new CountingCompiler("one");
        Path home = temp.resolve("home");
        Path caches = temp.resolve("caches");
        KernelCache.ofUser(Map.of("XDG_CACHE_HOME", caches.toString()), home).image(compiler, 90);
        assertThat(caches.resolve("millrace/kernels")).isNotEmptyDirectory();
        assertThat(home).doesNotExist();

        KernelCache.ofUser(Map.of("XDG_CACHE_HOME", "relative"), home).image(compiler, 90);
        assertThat(home.resolve(".cache/millrace/kernels")).isNotEmptyDirectory();
        assertThat(compiler.compiled).isEqualTo(2);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> entries = Files.list(temp)) {
            return entries.toList();
        }
    }
}
