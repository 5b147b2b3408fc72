package io.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples that stream what is no transformer, run, killed and run again. */
class StreamExamplesTest {
    private static final int SIZE = 512;
    private static final int BLOCK_BYTES = 4096 * 9 * 4;
    private static final int BLOCKS = 60;

    @TempDir private Path folder;

    /** A program's words. */
    private static String said(Runnable program) {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
            program.run();
        } finally {
            System.setOut(before);
        }
        return said.toString(StandardCharsets.UTF_8);
    }

    @Test
    void powerIterationFindsTheEigenvalueOfAMatrixLargerThanItsBudget() throws IOException {
        Path matrix = folder.resolve("matrix");
        Random random = new Random(5);
        double[] u = random.doubles(SIZE, 0.5, 1).toArray();
        ByteBuffer bytes =
                ByteBuffer.allocate(SIZE * SIZE * Double.BYTES).order(ByteOrder.nativeOrder());
        double square = 0;
        for (int row = 0; row < SIZE; row++) {
            square += u[row] * u[row];
            for (int column = 0; column < SIZE; column++) {
                bytes.putDouble(u[row] * u[column]); // of rank 1: its eigenvalue is known
            }
        }
        Files.write(matrix, bytes.array());
        String[] arguments = {
            matrix.toString(), "" + SIZE, "1800KiB", folder.resolve("stream").toString()
        };
        String said = said(() -> PowerIteration.main(arguments));
        String last = said.substring(said.indexOf("pass 30: ") + 9).split("\\R", 2)[0];
        assertThat(Double.parseDouble(last)).isCloseTo(square, within(square * 1e-9));
        assertThat(said).contains("nvme-read");
        // The journal knows all passes: nothing is read any more.
        assertThat(said(() -> PowerIteration.main(arguments))).contains("nvme-read   busy 0.000 s");
    }

    private Path points() throws IOException {
        Path file = folder.resolve("points");
        Random random = new Random(8);
        ByteBuffer bytes = ByteBuffer.allocate(BLOCKS * BLOCK_BYTES).order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            double centre = random.nextInt(15);
            for (int i = 0; i < 8; i++) {
                bytes.putFloat((float) (Math.cos(centre * (i + 1)) + random.nextGaussian() / 3));
            }
            bytes.putFloat(-1);
        }
        Files.write(file, bytes.array());
        return file;
    }

    private Process start(List<String> arguments, Path log) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.add("@" + Path.of("../config/jvm.args").toAbsolutePath().normalize());
        line.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        line.addAll(List.of("-cp", System.getProperty("java.class.path")));
        line.add(KMeans.class.getName());
        line.addAll(arguments);
        return new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    /** Where a killed process had come to. */
    private static long size(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aRunThatIsKilledAgainAndAgainEndsWithTheSameBytes()
            throws IOException, InterruptedException {
        Path file = points();
        Path expected = folder.resolve("expected");
        String[] whole = {
            file.toString(), "64MiB", folder.resolve("whole").toString(), expected.toString()
        };
        String said = said(() -> KMeans.main(whole));
        assertThat(said.lines().count()).isGreaterThan(8);
        Path out = folder.resolve("out");
        Path store = folder.resolve("store");
        Path log = folder.resolve("log");
        Path journal = store.resolve("visits.journal");
        List<String> arguments =
                List.of(file.toString(), "2MiB", store.toString(), out.toString());
        Random random = new Random(11);
        int kills = 0;
        while (!Files.exists(out)) {
            Process process = start(arguments, log);
            long enough = size(journal) + random.nextLong(300_000);
            while (kills < 4 && process.isAlive() && size(journal) <= enough) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            if (kills < 4) {
                kills += process.isAlive() ? 1 : 0;
                process.destroyForcibly();
            }
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isIn(0, 137);
        }
        assertThat(kills).isEqualTo(4);
        assertThat(out).hasSameBinaryContentAs(expected);
        // The journal gave the last of the processes its first pass, but for blocks that stay in
        // memory and had not been written in two seconds.
        String last = Files.readString(log);
        String first = last.substring(last.lastIndexOf("pass 1:")).split("\\R", 2)[0];
        assertThat(Integer.parseInt(first.replaceAll(".* (\\d+) blocks came", "$1")))
                .isLessThan(BLOCKS / 4);
    }
}
