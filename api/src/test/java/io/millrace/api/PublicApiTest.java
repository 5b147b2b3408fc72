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
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What other programs may call is what {@code api/signatures.txt} lists. To write the list anew:
 * {@code -Dapi.signatures=write}, and look at what changed; that nothing of it breaks programs of
 * the last release is seen to by japicmp.
 */
class PublicApiTest {
    private static final Path LIST = Path.of("signatures.txt");
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
        if ("write".equals(System.getProperty("api.signatures"))) {
            Files.write(LIST, now);
        }
        assertThat(now)
                .as("api/signatures.txt; its test says how to write it anew")
                .containsExactlyElementsOf(Files.readAllLines(LIST));
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
