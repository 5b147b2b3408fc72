package io.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A project outside of this one depends on the artefacts as they are installed, through the list of
 * versions, and runs: what docs/java.md tells a reader to do. They are installed into a repository
 * of the test's; what else is needed comes from the local one, without a network.
 */
@Tag("long")
class StrangersProjectTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private static final String PROGRAM =
            """
            import io.millrace.stream.BlockStream;
            import io.millrace.stream.Blocks;
            import java.lang.foreign.ValueLayout;
            import java.util.Collections;

            public class Stranger {
                public static void main(String[] args) {
                    Blocks blocks = Blocks.filled("ones", Collections.nCopies(20, 65536L),
                            (block, memory) -> memory.fill((byte) 1));
                    try (BlockStream stream = BlockStream.of(blocks).hostBudget("300KiB").open()) {
                        double sum = stream.pass(block -> new double[] {
                                block.bytes().get(ValueLayout.JAVA_BYTE, 7)}).sum()[0];
                        System.out.println("sum " + sum);
                    }
                }
            }
            """;

    @TempDir private Path temp;

    private String maven(Path folder, String... arguments)
            throws IOException, InterruptedException {
        Path local = Path.of(System.getProperty("user.home"), ".m2", "repository");
        List<String> line = new ArrayList<>(List.of(ROOT.resolve("mvnw").toString(), "-B", "-o"));
        line.add("-Dmaven.repo.local=" + temp.resolve("repository"));
        line.add("-Dmaven.repo.local.tail=" + local);
        line.addAll(List.of(arguments));
        Path log = temp.resolve("maven.log");
        Process process =
                new ProcessBuilder(line)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        assertThat(process.waitFor(8, TimeUnit.MINUTES)).isTrue();
        String said = Files.readString(log);
        assertThat(process.exitValue()).as(said).isZero();
        return said;
    }

    @Test
    void aPlainProjectDependsOnWhatIsInstalled() throws IOException, InterruptedException {
        maven(
                ROOT,
                "install",
                "-pl",
                "bom,api",
                "-am",
                "-Dbuild.subfolder=/stranger",
                "-Dmaven.test.skip=true",
                "-Dspotless.check.skip=true");
        assertThat(temp.resolve("repository/io/millrace/millrace-bom")).isDirectory();
        Path project = Files.createDirectory(temp.resolve("stranger"));
        Files.createDirectories(project.resolve("src/main/java"));
        Files.writeString(project.resolve("src/main/java/Stranger.java"), PROGRAM);
        Files.writeString(
                project.resolve("pom.xml"),
                """
                <project xmlns="http://maven.apache.org/POM/4.0.0">
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>org.example</groupId>
                  <artifactId>stranger</artifactId>
                  <version>1</version>
                  <properties>
                    <maven.compiler.release>25</maven.compiler.release>
                    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
                  </properties>
                  DEPENDENCIES
                  <build>
                    <plugins>
                      <plugin>
                        <groupId>org.apache.maven.plugins</groupId>
                        <artifactId>maven-dependency-plugin</artifactId>
                        <version>3.11.0</version>
                      </plugin>
                    </plugins>
                  </build>
                </project>
                """
                        .replace("DEPENDENCIES", dependencies()));
        maven(
                project,
                "dependency:build-classpath",
                "-Dmdep.outputFile=" + temp.resolve("class-path"));
        String classPath = Files.readString(temp.resolve("class-path")).strip();
        assertThat(classPath).contains("millrace-prefetcher");
        assertThat(run(project, classPath)).contains("sum 20.0");
    }

    /** As the page has them. */
    private static String dependencies() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/java.md"));
        int first = page.indexOf("```xml\n") + "```xml\n".length();
        return page.substring(first, page.indexOf("```", first));
    }

    private String run(Path project, String classPath) throws IOException, InterruptedException {
        Path bin = Path.of(System.getProperty("java.home"), "bin");
        Path log = temp.resolve("run.log");
        for (List<String> line :
                List.of(
                        List.of(
                                bin.resolve("javac").toString(),
                                "-cp",
                                classPath,
                                "-d",
                                "classes",
                                "src/main/java/Stranger.java"),
                        List.of(
                                bin.resolve("java").toString(),
                                "@" + ROOT.resolve("config/jvm.args"),
                                "-cp",
                                "classes:" + classPath,
                                "Stranger"))) {
            Process process =
                    new ProcessBuilder(line)
                            .directory(project.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isZero();
        }
        return Files.readString(log);
    }
}
