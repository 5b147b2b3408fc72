package io.millrace.memory.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.StreamFailedException;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What every device does; a new one adds a subclass that opens it. */
@ExtendWith(SeedExtension.class)
public abstract class DeviceContractTest {
    private static final long BUDGET = 64L << 20;

    private Device device;
    private Ledger ledger;
    private HostMemory host;

    /** A ready device whose memory the ledger bounds. */
    protected abstract Device open(Ledger ledger);

    @BeforeEach
    final void openDevice() {
        ledger = new Ledger(Map.of(Tier.HOST, BUDGET, Tier.DEVICE, BUDGET));
        device = open(ledger);
        host = new HostMemory(ledger, Tier.HOST, device.pinning());
    }

    @AfterEach
    final void closeDevice() {
        device.close();
        host.requireNoneOpen();
        assertThat(ledger.inUse(Tier.DEVICE)).isZero();
        assertThat(ledger.inUse(Tier.HOST)).isZero();
    }

    private Tier account() {
        return device.unifiedMemory() ? Tier.HOST : Tier.DEVICE;
    }

    @Test
    final void copiesToTheDeviceAndBackByteForByte(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int size = 1 << 20;
        try (HostSlab source = host.allocatePinned("source", size);
                HostSlab target = host.allocatePinned("target", size);
                DeviceBuffer buffer = device.allocate("buffer", size)) {
            for (int i = 0; i < 20; i++) {
                int length = 1 + random.nextInt(size);
                int offset = random.nextInt(size - length + 1);
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                MemorySegment from = source.segment().asSlice(offset, length);
                MemorySegment to = target.segment().asSlice(0, length);
                MemorySegment.copy(bytes, 0, from, JAVA_BYTE, 0, length);
                to.fill((byte) 0xEE);
                DeviceEvent uploaded = device.newEvent();
                device.upload().copyH2D(from, buffer, offset);
                device.upload().record(uploaded);
                device.offload().await(uploaded);
                device.offload().copyD2H(buffer, offset, to);
                device.offload().synchronize();
                assertThat(to.toArray(JAVA_BYTE)).isEqualTo(bytes);
                uploaded.close();
            }
        }
    }

    @Test
    final void chargesMemoryToItsAccountAndRefusesMoreThanTheBudget() {
        try (DeviceBuffer buffer = device.allocate("first", BUDGET / 2)) {
            assertThat(buffer.sizeBytes()).isEqualTo(BUDGET / 2);
            assertThat(buffer.address() % 4096).isZero();
            assertThat(ledger.inUse(account())).isEqualTo(BUDGET / 2);
            assertThatThrownBy(() -> device.allocate("activations", BUDGET / 2 + 1))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("activations");
        }
        assertThat(ledger.inUse(account())).isZero();
    }

    @Test
    final void lendsHostMemoryWithoutACopyExactlyWhereMemoryIsUnified() {
        try (HostSlab slab = host.allocate("block", 4096)) {
            if (device.unifiedMemory()) {
                long before = ledger.inUse(Tier.HOST);
                try (DeviceBuffer buffer = device.adopt(slab.segment())) {
                    assertThat(buffer.address()).isEqualTo(slab.segment().address());
                    assertThat(ledger.inUse(Tier.HOST)).isEqualTo(before);
                    device.upload().copyH2D(slab.segment(), buffer, 0);
                    device.upload().synchronize();
                }
                slab.segment().fill((byte) 1); // still open
            } else {
                assertThatThrownBy(() -> device.adopt(slab.segment()))
                        .isInstanceOf(UnsupportedOperationException.class);
            }
        }
    }

    @Test
    final void keepsOrderWithinAStreamAndAcrossStreamsByEvents(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<DeviceStream> streams = List.of(device.upload(), device.compute(), device.offload());
        AtomicLong passed = new AtomicLong();
        AtomicBoolean inOrder = new AtomicBoolean(true);
        List<DeviceEvent> events = new ArrayList<>();
        DeviceEvent previous = null;
        for (int i = 0; i < 3_000; i++) { // more than any queue holds
            DeviceStream stream = streams.get(random.nextInt(3));
            if (previous != null) {
                stream.await(previous);
            }
            long expected = i;
            stream.run(() -> inOrder.compareAndSet(true, passed.getAndIncrement() == expected));
            previous = device.newEvent();
            events.add(previous);
            stream.record(previous);
        }
        previous.synchronize();
        assertThat(inOrder).isTrue();
        assertThat(passed).hasValue(3_000);
        events.forEach(DeviceEvent::close);
    }

    @Test
    final void eventsTellTheSpanOfTheWorkBetweenThem() {
        try (DeviceEvent begin = device.newEvent();
                DeviceEvent end = device.newEvent()) {
            assertThat(begin.isDone()).isTrue();
            long before = System.nanoTime();
            device.compute().record(begin);
            device.compute().run(() -> spin(2_000_000));
            device.compute().record(end);
            end.synchronize();
            long after = System.nanoTime();
            assertThat(end.isDone()).isTrue();
            assertThat(end.timeNs() - begin.timeNs()).isBetween(2_000_000L, after - before);
        }
    }

    private static void spin(long ns) {
        long end = System.nanoTime() + ns;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    @Test
    final void waitingForAnEventThatWasNeverRecordedDoesNotWait() {
        try (DeviceEvent never = device.newEvent();
                DeviceEvent after = device.newEvent()) {
            never.synchronize();
            device.compute().await(never);
            device.compute().record(after);
            after.synchronize();
            assertThat(never.isDone()).isTrue();
            assertThat(after.isDone()).isTrue();
        }
    }

    @Test
    final void firstFailurePoisonsTheStreamAndThoseWhoWaitForItsEvents() {
        AtomicBoolean ranLater = new AtomicBoolean();
        IllegalArgumentException first = new IllegalArgumentException("kernel 7 is wrong");
        try (DeviceEvent event = device.newEvent()) {
            device.compute()
                    .run(() -> {
                        throw first;
                    });
            device.compute().run(() -> ranLater.set(true));
            device.compute().record(event);
            device.offload().await(event);
            device.offload().run(() -> ranLater.set(true));
            assertThatThrownBy(event::synchronize)
                    .isInstanceOf(StreamFailedException.class)
                    .hasCause(first);
            assertThatThrownBy(device.compute()::synchronize)
                    .isInstanceOf(StreamFailedException.class)
                    .hasCause(first);
            assertThatThrownBy(device.offload()::synchronize)
                    .isInstanceOf(StreamFailedException.class)
                    .hasCause(first);
            device.upload().synchronize();
        }
        assertThat(ranLater).isFalse();
    }

    @Test
    final void useAfterCloseFails() {
        DeviceBuffer buffer = device.allocate("buffer", 4096);
        buffer.close();
        buffer.close();
        try (HostSlab slab = host.allocate("block", 4096)) {
            assertThatThrownBy(
                            () -> {
                                device.upload().copyH2D(slab.segment(), buffer, 0);
                                device.upload().synchronize();
                            })
                    .isInstanceOfAny(IllegalStateException.class, StreamFailedException.class);
        }
    }

    @Test
    final void closingWithABufferOpenNamesIt() {
        Device other = open(ledger);
        DeviceBuffer buffer = other.allocate("forgotten activations", 4096);
        assertThatThrownBy(other::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("forgotten activations");
        buffer.close();
    }
}
