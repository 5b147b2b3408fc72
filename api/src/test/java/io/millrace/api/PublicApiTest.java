package io.millrace.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.stream.BlockStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What other programs may call is what {@code api/signatures.txt} lists; {@code api/released.txt}
 * is the list of the last release, which new versions keep. This test writes both: {@code
 * -Dapi.signatures=write} after a change, which shows in the first what it was; {@code
 * -Dapi.signatures=release} with a release, or with one that breaks programs on purpose: a new
 * major version, or before 1.0 a minor one.
 */
class PublicApiTest {
    private static final Path LIST = Path.of("signatures.txt");
    private static final Path RELEASED = Path.of("released.txt");
    private static final Pattern ABSTRACT =
            Pattern.compile("public abstract \\S+ ([\\w.$]+)\\.\\w+\\(.*");
    private static final Pattern TYPE = Pattern.compile("io\\.millrace\\.(\\w+)\\.");

    private static List<Class<?>> classes() throws IOException, URISyntaxException {
        List<Class<?>> found = new ArrayList<>();
        for (Class<?> one : List.of(Model.class, BlockStream.class)) {
            Path root = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
            Path folder = root.resolve(one.getPackageName().replace('.', '/'));
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.sorted().toList()) {
                    String name = root.relativize(file).toString().replace('/', '.');
                    if (name.endsWith(".class") && !name.endsWith("package-info.class")) {
                        try {
                            found.add(
                                    Class.forName(
                                            name.substring(0, name.length() - ".class".length())));
                        } catch (ClassNotFoundException e) {
                            throw new IllegalStateException(e);
                        }
                    }
                }
            }
        }
        return found;
    }

    private static boolean isSeen(Class<?> type) {
        boolean seen = Modifier.isPublic(type.getModifiers());
        return seen && (type.getDeclaringClass() == null || isSeen(type.getDeclaringClass()));
    }

    private static boolean isSeen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static Set<String> signatures() throws IOException, URISyntaxException {
        Set<String> lines = new TreeSet<>();
        for (Class<?> type : classes()) {
            if (!isSeen(type)) {
                continue;
            }
            String interfaces =
                    Arrays.stream(type.getGenericInterfaces())
                            .map(one -> " implements " + one.getTypeName())
                            .reduce("", String::concat);
            boolean plain =
                    type.getSuperclass() == null
                            || type.getSuperclass().getPackageName().equals("java.lang");
            String parent = plain ? "" : " extends " + type.getGenericSuperclass().getTypeName();
            lines.add(type.toGenericString() + parent + interfaces);
            for (Constructor<?> one : type.getDeclaredConstructors()) {
                addIfSeen(lines, one);
            }
            for (Method one : type.getDeclaredMethods()) {
                addIfSeen(lines, one);
            }
            for (Field one : type.getDeclaredFields()) {
                if (isSeen(one.getModifiers()) && !one.isSynthetic()) {
                    lines.add(one.toGenericString());
                }
            }
        }
        return lines;
    }

    private static void addIfSeen(Set<String> lines, Executable one) {
        // Every class has these.
        boolean common = Set.of("equals", "hashCode", "toString").contains(one.getName());
        if (isSeen(one.getModifiers()) && !one.isSynthetic() && !common) {
            lines.add(one.toGenericString());
        }
    }

    @Test
    void whatOthersMayCallIsWhatIsListed() throws IOException, URISyntaxException {
        Set<String> now = signatures();
        String wanted = System.getProperty("api.signatures", "");
        if (wanted.equals("write") || wanted.equals("release")) {
            Files.write(LIST, now);
        }
        if (wanted.equals("release")) {
            Files.write(RELEASED, now);
        }
        assertThat(now)
                .as("api/signatures.txt; its test says how to write it anew")
                .containsExactlyElementsOf(Files.readAllLines(LIST));
    }

    /** What of a new list breaks programs that were written for an older one. */
    private static Set<String> broken(Collection<String> released, Collection<String> now) {
        Set<String> broken = new TreeSet<>();
        for (String line : released) {
            if (!now.contains(line)) {
                broken.add("gone: " + line);
            }
        }
        for (String line : now) {
            Matcher left = ABSTRACT.matcher(line);
            if (!released.contains(line)
                    && left.matches()
                    && released.stream()
                            .anyMatch(type -> type.endsWith(" interface " + left.group(1)))) {
                broken.add("for others to write: " + line);
            }
        }
        return broken;
    }

    @Test
    void programsOfTheLastReleaseCompileAndRun() throws IOException, URISyntaxException {
        assertThat(broken(Files.readAllLines(RELEASED), signatures()))
                .as("what programs of the last release use; this test says what is to be done")
                .isEmpty();
    }

    @Test
    void whatGoesAndWhatOthersWouldHaveToWriteBreaksPrograms() {
        String type = "public abstract interface io.millrace.api.TuneListener";
        String old = "public default boolean io.millrace.api.TuneListener.stops()";
        String fresh = "public default void io.millrace.api.TuneListener.onSave()";
        String left = "public abstract void io.millrace.api.TuneListener.onSave()";
        assertThat(broken(List.of(type, old), List.of(type, old, fresh))).isEmpty();
        assertThat(broken(List.of(type, old), List.of(type))).containsExactly("gone: " + old);
        assertThat(broken(List.of(type), List.of(type, left)))
                .containsExactly("for others to write: " + left);
        assertThat(broken(List.of(old), List.of(old, type, left))).isEmpty();
    }

    @Test
    void nothingFromInsideIsInIt() throws IOException, URISyntaxException {
        for (String line : signatures()) {
            Matcher types = TYPE.matcher(line);
            while (types.find()) {
                assertThat(types.group(1)).as(line).isIn("api", "stream");
            }
        }
    }
}
