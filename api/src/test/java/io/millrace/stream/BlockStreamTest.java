package io.millrace.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockStreamTest {
    private static final int BLOCK = 100_000; // of no whole number of pages
    private static final int BLOCKS = 40;
    private static final int LAST = 12_344;
    private static final String SMALL = "2MiB";

    @TempDir private Path folder;

    private Path file;
    private long[] numbers;

    @BeforeEach
    void writeFile() throws IOException {
        file = folder.resolve("numbers");
        numbers = new Random(3).longs((long) (BLOCKS * BLOCK + LAST) / 8, 0, 1000).toArray();
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * 8).order(ByteOrder.nativeOrder());
        bytes.asLongBuffer().put(numbers);
        Files.write(file, bytes.array());
    }

    private BlockStream.Builder stream() {
        return BlockStream.of(Blocks.ofFile(file, BLOCK));
    }

    private static double[] sum(Block block) {
        MemorySegment bytes = block.bytes();
        double sum = 0;
        for (long i = 0; i < block.size() / 8; i++) {
            sum += bytes.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
        }
        return new double[] {sum};
    }

    /** Doubles every number of every third block, and adds the input to the others' first. */
    private static double[] change(Block block) {
        double[] sum = sum(block);
        if (block.index() % 3 == 0) {
            MemorySegment bytes = block.change();
            for (long i = 0; i < block.size() / 8; i++) {
                long number = bytes.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
                bytes.setAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i, number * 2);
            }
        } else if (block.index() % 3 == 1) {
            MemorySegment bytes = block.change();
            long first = bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
            bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, first + (long) block.input()[0]);
        }
        return sum;
    }

    /** Passes whose input is made of the outputs before. */
    private static List<Double> run(BlockStream stream, int passes, BlockWork work) {
        List<Double> sums = new ArrayList<>();
        double[] input = {1};
        for (int i = 0; i < passes; i++) {
            double sum = stream.pass(input, work).sum()[0];
            sums.add(sum);
            input = new double[] {sum % 1000};
        }
        return sums;
    }

    private byte[] changedInMemory(int passes, List<Double> sums) throws IOException {
        Path out = folder.resolve("expected");
        try (BlockStream stream = stream().writeBack().open()) {
            sums.addAll(run(stream, passes, BlockStreamTest::change));
            stream.writeTo(out);
        }
        return Files.readAllBytes(out);
    }

    @Test
    void aFileLargerThanTheBudgetPassesWholeAndInOrder() {
        try (BlockStream stream = stream().hostBudget(SMALL).open()) {
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                order.clear();
                PassResult pass =
                        stream.pass(block -> {
                            order.add(block.index());
                            return sum(block);
                        });
                assertThat(pass.sum()[0]).isEqualTo((double) Arrays.stream(numbers).sum());
                assertThat(pass.visited()).isEqualTo(BLOCKS + 1);
                assertThat(order).isEqualTo(IntStream.rangeClosed(0, BLOCKS).boxed().toList());
                assertThat(pass.overlap().lanes().get("compute").busySeconds()).isPositive();
            }
            assertThat(stream.hostBytes()).isBetween(1L << 20, 2L << 20);
        }
    }

    @Test
    void theOverlapReportCountsWhatWasRead() {
        try (BlockStream stream = stream().hostBudget(SMALL).open()) {
            long read = 0;
            for (int i = 0; i < 4; i++) {
                Overlap overlap = stream.pass(BlockStreamTest::sum).overlap();
                read += overlap.lanes().get("nvme-read").bytes();
                assertThat(overlap.hiddenTransfer()).isBetween(0.0, 1.0);
                assertThat(overlap.report()).contains("nvme-read", "bound by");
            }
            // Some of the last pass's reads are already for the next; some blocks stay.
            assertThat(read).isBetween(2L * numbers.length * 8, 5L * numbers.length * 8);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "emulated"})
    void whatWorkChangesIsThereInTheNextPassAndInTheEnd(String device) throws IOException {
        List<Double> expectedSums = new ArrayList<>();
        byte[] expected = changedInMemory(5, expectedSums);
        Path store = folder.resolve("store");
        Path out = folder.resolve("out");
        BlockStream.Builder builder =
                stream().device(device).hostBudget(SMALL).nvmeDir(store).writeBack();
        if (device.equals("emulated")) {
            builder.deviceBudget("600KiB");
        }
        try (BlockStream stream = builder.open()) {
            assertThat(run(stream, 5, BlockStreamTest::change)).isEqualTo(expectedSums);
            stream.writeTo(out);
            assertThat(stream.hostBytes()).isLessThanOrEqualTo(2L << 20);
            assertThat(stream.nvmeBytes()).isGreaterThan(Files.size(file));
        }
        assertThat(out).hasBinaryContent(expected);
    }

    @Test
    void theSameProgramGoesOnInTheMiddleOfThePassThatFailed() throws IOException {
        List<Double> expectedSums = new ArrayList<>();
        byte[] expected = changedInMemory(6, expectedSums);
        Path store = folder.resolve("store");
        BlockStream.Builder builder =
                stream().hostBudget(SMALL).nvmeDir(store).writeBack().resume();
        for (int stop : new int[] {2, 5}) {
            try (BlockStream stream = builder.open()) {
                assertThatThrownBy(() ->
                                run(
                                        stream,
                                        6,
                                        block -> {
                                            if (block.pass() == stop && block.index() == 17) {
                                                throw new IOException("stopped");
                                            }
                                            return change(block);
                                        }))
                        .hasMessageContaining("block 17 of pass " + stop)
                        .hasRootCauseMessage("stopped");
                assertThatThrownBy(() -> stream.pass(BlockStreamTest::sum))
                        .hasMessageContaining("open it again to go on");
            }
        }
        Path out = folder.resolve("out");
        try (BlockStream stream = builder.open()) {
            List<Integer> visited = Collections.synchronizedList(new ArrayList<>());
            assertThat(
                            run(
                                    stream,
                                    6,
                                    block -> {
                                        if (block.pass() == 5) {
                                            visited.add(block.index());
                                        }
                                        return change(block);
                                    }))
                    .isEqualTo(expectedSums);
            // What had been read only, every third, does not come again.
            assertThat(visited).contains(17, 40).doesNotContain(2, 5, 8, 11, 14);
            stream.writeTo(out);
        }
        assertThat(out).hasBinaryContent(expected);
        try (BlockStream stream = builder.open()) {
            // Nothing was saved, but what was not lost: blocks of several passes.
            assertThatThrownBy(() -> stream.writeTo(out))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("knows passes that were not gone through");
            assertThatThrownBy(stream::save)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("knows passes that were not gone through");
        }
        assertThat(out).hasBinaryContent(expected);
        BlockStream.delete(store);
        assertThat(store).doesNotExist();
    }

    @Test
    void whatWasSavedIsNotMadeAgain() throws IOException {
        Path store = folder.resolve("store");
        BlockStream.Builder builder =
                stream().hostBudget(SMALL).nvmeDir(store).writeBack().resume();
        List<Double> sums;
        try (BlockStream stream = builder.open()) {
            sums = run(stream, 3, BlockStreamTest::change);
            stream.save();
        }
        try (BlockStream stream = builder.open()) {
            assertThat(
                            run(
                                    stream,
                                    3,
                                    block -> {
                                        throw new AssertionError(block.index());
                                    }))
                    .isEqualTo(sums);
        }
    }

    @Test
    void aRecordThatWasCutOffIsAsIfItHadNotBeen() throws IOException {
        Path store = folder.resolve("store");
        BlockStream.Builder builder = stream().hostBudget(SMALL).nvmeDir(store).resume();
        List<Double> sums;
        try (BlockStream stream = builder.open()) {
            sums = run(stream, 2, BlockStreamTest::sum);
        }
        Path journal = store.resolve(VisitJournal.FILE);
        try (RandomAccessFile cut = new RandomAccessFile(journal.toFile(), "rw")) {
            cut.setLength(cut.length() - 5);
        }
        try (BlockStream stream = builder.open()) {
            assertThat(stream.pass(new double[] {1}, BlockStreamTest::sum).visited()).isZero();
            PassResult second =
                    stream.pass(new double[] {sums.getFirst() % 1000}, BlockStreamTest::sum);
            assertThat(second.visited()).isEqualTo(1);
            assertThat(second.sum()[0]).isEqualTo(sums.get(1));
        }
    }

    @Test
    void aJournalThatIsDamagedInTheMiddleIsLeftAsItIs() throws IOException {
        Path store = folder.resolve("store");
        BlockStream.Builder builder =
                stream().hostBudget(SMALL).nvmeDir(store).writeBack().resume();
        try (BlockStream stream = builder.open()) {
            run(stream, 3, BlockStreamTest::change);
            stream.save();
        }
        Path journal = store.resolve(VisitJournal.FILE);
        byte[] whole = Files.readAllBytes(journal);
        byte[] damaged = whole.clone();
        damaged[24 + 8 + 20] ^= 1; // the first output of record 1
        Files.write(journal, damaged);
        assertThatThrownBy(builder::open)
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(journal + ": does not know pass 3, whose change block 0")
                .hasMessageContaining("restore the newer journal");
        assertThat(journal).hasBinaryContent(damaged);
        Files.write(journal, whole);
        try (BlockStream stream = builder.open()) {
            assertThat(stream.pass(new double[] {1}, BlockStreamTest::change).visited()).isZero();
        }
    }

    @Test
    void whatWasNotWrittenWholeLeavesNoPart() throws IOException {
        Path out = folder.resolve("out");
        Files.createDirectories(out.resolve("in the way"));
        try (BlockStream stream = stream().open()) {
            assertThatThrownBy(() -> stream.writeTo(out)).hasMessageContaining(out.toString());
        }
        assertThat(folder.resolve("out.part")).doesNotExist();
    }

    @Test
    void blocksOfAFunctionStreamToo() {
        List<Long> sizes = Collections.nCopies(30, 80_000L);
        Blocks blocks =
                Blocks.filled(
                        "blocks of their own number",
                        sizes,
                        (block, memory) -> memory.fill((byte) block));
        try (BlockStream stream = BlockStream.of(blocks).hostBudget("400KiB").open()) {
            for (int pass = 0; pass < 2; pass++) {
                double[] found =
                        stream.pass(
                                        block -> {
                                            byte last =
                                                    block.bytes()
                                                            .get(
                                                                    ValueLayout.JAVA_BYTE,
                                                                    block.size() - 1);
                                            return new double[] {last};
                                        })
                                .joined();
                for (int block = 0; block < 30; block++) {
                    assertThat(found[block]).isCloseTo(block, within(0.0));
                }
            }
            assertThat(stream.hostBytes()).isLessThanOrEqualTo(400L << 10);
        }
    }

    @Test
    void theBudgetThatARefusalNamesIsEnough() {
        Pattern smallest = Pattern.compile("smallest that works is (\\d+)");
        BlockStream.Builder tooSmall = stream().hostBudget("500KiB");
        assertThatThrownBy(tooSmall::open)
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--host-budget: ")
                .satisfies(refusal -> {
                    Matcher number = smallest.matcher(refusal.getMessage());
                    assertThat(number.find()).isTrue();
                    try (BlockStream stream = stream().hostBudget(number.group(1)).open()) {
                        assertThat(stream.pass(BlockStreamTest::sum).visited())
                                .isEqualTo(BLOCKS + 1);
                    }
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"--host-budget", "--nvme-budget"})
    void aRefusedBudgetLeavesNothingSoThatAnotherMayBeTried(String budget) {
        Path store = folder.resolve("store");
        boolean ofHost = budget.equals("--host-budget");
        BlockStream.Builder builder = stream().hostBudget(SMALL).nvmeDir(store).writeBack();
        BlockStream.Builder tooSmall =
                ofHost ? builder.hostBudget("500KiB") : builder.nvmeBudget("1MiB");
        assertThatThrownBy(tooSmall::open)
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(budget + ": ")
                .satisfies(refusal -> {
                    assertThat(store).doesNotExist();
                    Matcher number =
                            Pattern.compile("(?:smallest that works is|at least) (\\d+)")
                                    .matcher(refusal.getMessage());
                    assertThat(number.find()).isTrue();
                    String least = number.group(1);
                    BlockStream.Builder enough =
                            ofHost ? builder.hostBudget(least) : builder.nvmeBudget(least);
                    try (BlockStream stream = enough.open()) {
                        assertThat(run(stream, 2, BlockStreamTest::change)).hasSize(2);
                    }
                });
    }

    @Test
    void whatCannotBeIsRefusedInOneLine() throws IOException {
        assertThatThrownBy(() -> stream().hostBudget("much"))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--host-budget: 'much' is not a size");
        assertThatThrownBy(() -> stream().device("cuda:0").open())
                .hasMessageStartingWith("--device: work in Java cannot reach");
        assertThatThrownBy(() -> stream().writeBack().hostBudget(SMALL).open())
                .hasMessageContaining("give --nvme-dir, or at least");
        assertThatThrownBy(() -> Blocks.ofFile(folder.resolve("none"), 100))
                .isInstanceOf(BadInputException.class);
        Path store = folder.resolve("store");
        try (BlockStream stream = stream().nvmeDir(store).open()) {
            assertThatThrownBy(() -> stream().nvmeDir(store).resume().open())
                    .hasMessageContaining("another stream uses this folder");
            assertThatThrownBy(() ->
                            stream.pass(block -> {
                                block.change();
                                return BlockWork.NOTHING;
                            }))
                    .hasMessageContaining("writeBack()");
        }
        assertThatThrownBy(() -> stream().nvmeDir(store).open())
                .hasMessageContaining("holds a stream already");
        assertThatThrownBy(() -> stream().named("other").nvmeDir(store).resume().open())
                .hasMessageContaining("of other blocks, or of another computation");
        Files.write(file, new byte[] {1, 2, 3});
        assertThatThrownBy(() -> stream().nvmeDir(store).resume().open())
                .hasMessageContaining("of other blocks, or of another computation");
    }

    @Test
    void aPassIsHeldToTheInputThatItBeganWith() {
        Path store = folder.resolve("store");
        try (BlockStream stream = stream().nvmeDir(store).open()) {
            stream.pass(new double[] {1}, BlockStreamTest::sum);
        }
        try (BlockStream stream = stream().nvmeDir(store).resume().open()) {
            assertThatThrownBy(() -> stream.pass(new double[] {2}, BlockStreamTest::sum))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("pass 1 was begun with another input");
        }
    }

    @Test
    void workThatGivesSomethingElseTheSecondTimeIsFoundOut() {
        Path store = folder.resolve("store");
        BlockStream.Builder builder = stream().nvmeDir(store).writeBack().resume();
        try (BlockStream stream = builder.open()) {
            stream.pass(new double[] {1}, BlockStreamTest::change);
            // All blocks fit, and nothing was saved: their changes are lost.
        }
        try (BlockStream stream = builder.open()) {
            assertThatThrownBy(() ->
                            stream.pass(
                                    new double[] {1}, block -> new double[] {change(block)[0] + 1}))
                    .hasMessageContaining("gave something else than before in pass 1");
        }
    }
}
