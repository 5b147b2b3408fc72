package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** What a reader may rely on: rooms of a size, files of a length, one name for one thing. */
class SourceRulesTest {
    private static final int MOST_CLASSES = 26;
    private static final int MOST_LINES = 510;
    private static final int MOST_METHOD_LINES = 80;
    private static final int MOST_PARAMETERS = 8;

    /**
     * Wider records: lines of a file, facts of a machine, and what is yet to be cut. They do not
     * grow, and no other joins them.
     */
    private static final Map<String, Integer> WIDE =
            Map.ofEntries(
                    Map.entry("record JournalHeader", 10),
                    Map.entry("record JournalReport", 9),
                    Map.entry("record Drive", 9),
                    Map.entry("record Accelerator", 9),
                    Map.entry("record NvmlFacts", 12),
                    Map.entry("record MatmulShape", 14),
                    Map.entry("record ScratchPlan", 12),
                    Map.entry("record Tables", 12),
                    Map.entry("record Call", 10),
                    Map.entry("record Case", 12));

    @Test
    void noPackageHasMoreClassesThanAReaderHolds() throws IOException {
        Map<Path, Integer> sizes = new TreeMap<>();
        for (Path file : sources()) {
            sizes.merge(file.getParent(), 1, Integer::sum);
        }
        sizes.values().removeIf(size -> size <= MOST_CLASSES);
        assertThat(sizes).isEmpty();
    }

    @Test
    void everyPackageSaysWhatItIs() throws IOException {
        for (Path file : sources()) {
            assertThat(file.resolveSibling("package-info.java")).exists();
        }
    }

    @Test
    void noTwoClassesHaveOneName() throws IOException {
        Map<String, List<Path>> named = new TreeMap<>();
        for (Path file : sources()) {
            named.computeIfAbsent(file.getFileName().toString(), _ -> new ArrayList<>()).add(file);
        }
        named.values().removeIf(files -> files.size() == 1);
        assertThat(named.values()).isEmpty();
    }

    @Test
    void noFileIsLongerThanAReaderFollows() throws IOException {
        TreeSet<String> tooLong = new TreeSet<>();
        for (Path file : sources()) {
            try (Stream<String> lines = Files.lines(file)) {
                long count = lines.count();
                if (count > MOST_LINES) {
                    tooLong.add(file + " has " + count + " lines");
                }
            }
        }
        assertThat(tooLong).isEmpty();
    }

    @Test
    void methodsEndWhileTheirBeginIsInSight() throws IOException {
        TreeSet<String> tooLong = new TreeSet<>();
        parse((file, method, lines, _) -> {
            if (lines > MOST_METHOD_LINES) {
                tooLong.add(file + ": " + method + " has " + lines + " lines");
            }
        });
        assertThat(tooLong).isEmpty();
    }

    @Test
    void whatMakesAnObjectTakesNoMoreThanNamesCanCarry() throws IOException {
        TreeSet<String> tooMany = new TreeSet<>();
        parse((file, method, _, parameters) -> {
            boolean makes = method.startsWith("record ") || method.startsWith("new ");
            if (makes && parameters > WIDE.getOrDefault(method, MOST_PARAMETERS)) {
                tooMany.add(file + ": " + method + " takes " + parameters);
            }
        });
        assertThat(tooMany).isEmpty();
    }

    /** Takes a method, a constructor as {@code new X}, or a record. */
    private interface Member {
        void accept(String file, String method, long lines, int parameters);
    }

    /** Reads all sources as the compiler does. */
    private static void parse(Member member) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task =
                    (JavacTask)
                            compiler.getTask(
                                    null,
                                    files,
                                    null,
                                    null,
                                    null,
                                    files.getJavaFileObjectsFromPaths(sources()));
            SourcePositions positions = Trees.instance(task).getSourcePositions();
            for (CompilationUnitTree unit : task.parse()) {
                String file = Path.of(unit.getSourceFile().getName()).getFileName().toString();
                new TreeScanner<Void, ClassTree>() {
                    @Override
                    public Void visitClass(ClassTree type, ClassTree outer) {
                        if (type.getKind() == Tree.Kind.RECORD) {
                            String name = "record " + type.getSimpleName();
                            member.accept(file, name, 0, components(type));
                        }
                        return super.visitClass(type, type);
                    }

                    @Override
                    public Void visitMethod(MethodTree method, ClassTree type) {
                        boolean makes = method.getName().contentEquals("<init>");
                        boolean ofRecord = makes && type.getKind() == Tree.Kind.RECORD;
                        String name =
                                (ofRecord ? "record " : makes ? "new " : "")
                                        + (makes ? type.getSimpleName() : method.getName());
                        member.accept(file, name, lines(method), method.getParameters().size());
                        return super.visitMethod(method, type);
                    }

                    private long lines(MethodTree method) {
                        LineMap map = unit.getLineMap();
                        long first = positions.getStartPosition(unit, method);
                        long last = positions.getEndPosition(unit, method);
                        return map.getLineNumber(last) - map.getLineNumber(first) + 1;
                    }
                }.scan(unit, null);
            }
        }
    }

    private static int components(ClassTree type) {
        int count = 0;
        for (Tree one : type.getMembers()) {
            boolean constant =
                    one instanceof VariableTree field
                            && field.getModifiers().getFlags().contains(Modifier.STATIC);
            count += one instanceof VariableTree && !constant ? 1 : 0;
        }
        return count;
    }

    /** Every class of the product, but not what describes a package. */
    private static List<Path> sources() throws IOException {
        Path root = Path.of("").toAbsolutePath().getParent();
        List<Path> files = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path module : modules.sorted().toList()) {
                Path source = module.resolve("src/main/java");
                if (Files.isDirectory(source)) {
                    try (Stream<Path> all = Files.walk(source)) {
                        all.filter(file -> file.toString().endsWith(".java"))
                                .filter(file -> !file.endsWith("package-info.java"))
                                .forEach(files::add);
                    }
                }
            }
        }
        assertThat(files).hasSizeGreaterThan(400);
        return files;
    }
}
