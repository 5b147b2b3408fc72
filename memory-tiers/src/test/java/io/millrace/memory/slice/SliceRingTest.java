package io.millrace.memory.slice;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class SliceRingTest {
    private static final RingShape SHAPE = RingShape.of(2, 4, 4096);
    private static final long NOW = 0;
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(1);

    private final Ledger ledger = Ledger.unlimited();
    private SliceRing first;
    private SliceRing second;

    @BeforeEach
    void meet() throws IOException {
        List<SliceRing> rings = RingFolder.of(SHAPE, ledger, Duration.ofSeconds(5));
        first = rings.get(0);
        second = rings.get(1);
        first.attend();
        second.attend();
    }

    @AfterEach
    void part() {
        first.close();
        second.close();
        second.close();
        assertThat(ledger.inUse(Tier.HOST)).isZero();
    }

    private static SliceName slice(long number) {
        return new SliceName(number, (int) number / 3, 7, 2, 4096);
    }

    private static long pass(SliceRing reader, SliceName name, int value) {
        long handle = reader.claim(name);
        reader.memory(handle).set(JAVA_BYTE, 0, (byte) value);
        reader.publish(handle);
        return handle;
    }

    @Test
    void whatOneHasReadTheOtherTakes() {
        long mine = first.claim(slice(3));
        assertThat(second.claim(slice(3))).isEqualTo(SliceExchange.NONE);
        long held = second.join(slice(3));
        assertThat(second.state(held)).isEqualTo(SliceExchange.State.COMING);
        first.memory(mine).set(JAVA_BYTE, 17, (byte) 42);
        first.publish(mine);
        assertThat(second.state(held)).isEqualTo(SliceExchange.State.HERE);
        assertThat(second.memory(held).get(JAVA_BYTE, 17)).isEqualTo((byte) 42);
        assertThat(second.reader(held)).isZero();
    }

    @Test
    void aPlaceIsFreeOnceAllHaveHadWhatIsInIt() {
        first.release(pass(first, slice(1), 1));
        SliceName next = slice(1 + SHAPE.places());
        assertThat(first.claim(next)).isEqualTo(SliceExchange.NONE);
        long held = second.join(slice(1));
        assertThat(first.claim(next)).isEqualTo(SliceExchange.NONE);
        second.release(held);
        assertThat(first.claim(next)).isNotEqualTo(SliceExchange.NONE);
        assertThat(second.join(slice(1))).isEqualTo(SliceExchange.NONE);
    }

    @Test
    void whoIsBehindTakesItsPlaceWithoutWaiting() {
        first.release(pass(first, slice(9), 1));
        assertThat(second.claim(slice(1))).isNotEqualTo(SliceExchange.NONE);
    }

    @Test
    void whoTakesNoPartIsNotWaitedFor() {
        first.release(pass(first, slice(1), 1));
        second.leave();
        assertThat(first.claim(slice(9))).isNotEqualTo(SliceExchange.NONE);
    }

    @Test
    void whoLetsOthersWaitTooLongIsWaitedForNoMoreUntilItsNextPass() {
        first.release(pass(first, slice(1), 1));
        SliceName next = slice(9);
        assertThat(first.mayBeFree(next, NOW, PATIENCE_NS)).isTrue();
        assertThat(first.claim(next)).isEqualTo(SliceExchange.NONE);
        assertThat(first.mayBeFree(next, PATIENCE_NS, PATIENCE_NS)).isTrue();
        first.release(pass(first, next, 2));
        second.attend();
        assertThat(first.claim(slice(17))).isEqualTo(SliceExchange.NONE);
    }

    @Test
    void aReaderThatIsSilentIsLost() {
        second.claim(slice(2));
        long held = first.join(slice(2));
        assertThat(first.mayCome(held, TimeUnit.SECONDS.toNanos(1))).isTrue();
        assertThat(first.mayCome(held, TimeUnit.SECONDS.toNanos(5))).isFalse();
        assertThat(first.mayCome(held, NOW)).as("and is not waited for again").isFalse();
        assertThat(first.mayBeFree(slice(10), NOW, PATIENCE_NS)).isFalse();
    }

    @Test
    void whoGivesUpLeavesNobodyWaiting() {
        long mine = second.claim(slice(2));
        long held = first.join(slice(2));
        second.giveUp(mine);
        assertThat(first.state(held)).isEqualTo(SliceExchange.State.GONE);
        first.release(held);
        assertThat(first.claim(slice(2))).isNotEqualTo(SliceExchange.NONE);
        assertThat(second.state(mine)).isEqualTo(SliceExchange.State.GONE);
        second.release(mine);
        assertThat(second.join(slice(2))).isNotEqualTo(SliceExchange.NONE);
    }

    @Test
    void slicesOfOtherVersionsAreOthers() {
        pass(first, slice(1), 1);
        SliceName older = new SliceName(1, 0, 6, 2, 4096);
        assertThat(second.join(older)).isEqualTo(SliceExchange.NONE);
        SliceName elsewhere = new SliceName(1, 0, 7, 3, 4096);
        assertThat(second.join(elsewhere)).isEqualTo(SliceExchange.NONE);
    }

    @Test
    void whatWasDamagedIsNotTakenByAnybodyElse() {
        first.release(pass(first, slice(1), 1));
        second.forget(slice(1));
        assertThat(second.join(slice(1))).isEqualTo(SliceExchange.NONE);
    }

    @Test
    void itHasNoNameAnyMoreOnceAllHaveMappedIt() {
        assertThat(first.path()).doesNotExist();
    }

    @Test
    void nobodyElseOfTheHostMayOpenIt() throws IOException {
        SliceRing.Members members = new SliceRing.Members(0, List.of(0, 1), ledger);
        try (SliceRing ring = SliceRing.create(RingFolder.path(), SHAPE, members)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(ring.path())))
                    .isEqualTo("rw-------");
            assertThatThrownBy(() -> SliceRing.open(ring.path(), RingShape.of(3, 4, 4096), members))
                    .isInstanceOf(IOException.class);
            ring.unlink();
        }
    }

    @Test
    void eachIsChargedItsPart() {
        assertThat(ledger.inUse(Tier.HOST)).isEqualTo(2 * SHAPE.bytesEach());
        Ledger small = new Ledger(Map.of(Tier.HOST, 100L));
        SliceRing.Members members = new SliceRing.Members(0, List.of(0, 1), small);
        assertThatThrownBy(() -> SliceRing.create(RingFolder.path(), SHAPE, members))
                .isInstanceOf(TierFullException.class);
        assertThat(mine()).as("left in memory").isEmpty();
    }

    private static List<Path> mine() {
        try (Stream<Path> all = Files.list(RingFolder.path())) {
            String name = "millrace-slices-" + ProcessHandle.current().pid() + "-";
            return all.filter(file -> file.getFileName().toString().startsWith(name)).toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
