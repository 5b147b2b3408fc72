package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What holds for every feed: a loop of visits sees the bytes that it would see in plain arrays. A
 * new feed is a line of {@link Kind}.
 */
@ExtendWith(SeedExtension.class)
@Timeout(60)
final class BlockFeedContractTest {
    private static final long LARGEST = 20_480;
    private static final long ALL = 1 << 20;

    @TempDir Path temp;
    private final List<AutoCloseable> open = new ArrayList<>();

    /** A feed, and where its blocks lie. */
    enum Kind {
        RESIDENT {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) {
                HostMemory memory = new HostMemory(Ledger.unlimited());
                test.open.add(memory::requireNoneOpen);
                return new ResidentFeed(
                        layouts(),
                        memory,
                        (block, destination) -> {
                            FeedRig.fillBase(block, destination);
                            return 0;
                        });
            }
        },
        PIPELINED_IN_HOST_MEMORY {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) throws IOException {
                return test.pipelined(visits, ALL, PlacementRequest.UNIFIED, true);
            }
        },
        PIPELINED_FROM_THE_DRIVE {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) throws IOException {
                return test.pipelined(visits, LARGEST, PlacementRequest.UNIFIED, true);
            }
        },
        PIPELINED_TO_A_DEVICE {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) throws IOException {
                return test.pipelined(visits, ALL, LARGEST, true);
            }
        },
        PIPELINED_OVER_THREE_TIERS {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) throws IOException {
                return test.pipelined(visits, LARGEST, LARGEST, true);
            }
        },
        PIPELINED_IN_TURN {
            @Override
            BlockFeed open(BlockFeedContractTest test, List<Integer> visits) throws IOException {
                return test.pipelined(visits, LARGEST, LARGEST, false);
            }
        };

        abstract BlockFeed open(BlockFeedContractTest test, List<Integer> visits)
                throws IOException;
    }

    private static List<BlockLayout> layouts() {
        List<BlockLayout> layouts = new ArrayList<>();
        for (int block = 0; block < FeedRig.SIZES.size(); block++) {
            long bytes = FeedRig.SIZES.get(block);
            TensorSlot all = new TensorSlot("t" + block, block, DType.U8, List.of(bytes), 0);
            layouts.add(new BlockLayout(block, List.of(all), bytes));
        }
        return layouts;
    }

    private BlockFeed pipelined(List<Integer> visits, long host, long device, boolean overlap)
            throws IOException {
        FeedRig rig = new FeedRig(Files.createTempDirectory(temp, "store"));
        open.add(rig);
        return rig.start(
                rig.place(visits, host, device, 2), FeedOptions.defaults().withOverlap(overlap));
    }

    /** Opens a feed, uses it, and closes all that was opened. */
    private void with(Kind kind, List<Integer> visits, Use use) throws Exception {
        try (BlockFeed feed = kind.open(this, visits)) {
            use.accept(feed);
        }
        for (AutoCloseable one : open) {
            one.close();
        }
        open.clear();
    }

    private interface Use {
        void accept(BlockFeed feed);
    }

    @ParameterizedTest
    @EnumSource
    void aLoopOfVisitsSeesWhatItSeesInPlainArrays(Kind kind) throws Exception {
        for (List<Integer> visits : List.of(FeedRig.TIED, FeedRig.UNTIED)) {
            for (int foldEvery : new int[] {1, 3}) {
                long expected = FeedRig.expected(visits, 7, foldEvery);
                with(
                        kind,
                        visits,
                        feed ->
                                assertThat(FeedRig.tune(feed, visits, 1, 7, foldEvery))
                                        .isEqualTo(expected));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLeaseSaysHowFarItsBytesWereFolded(Kind kind) throws Exception {
        with(
                kind,
                FeedRig.UNTIED,
                feed -> {
                    for (long step = 1; step <= 4; step++) {
                        for (int block : FeedRig.UNTIED) {
                            try (BlockLease lease = feed.acquire(block)) {
                                assertThat(lease.foldedThrough()).isEqualTo(step - 1);
                                FeedRig.fold(lease.weights(), step, block);
                                lease.markFolded(step, true);
                                assertThat(lease.foldedThrough()).isEqualTo(step);
                            }
                        }
                    }
                });
    }

    @ParameterizedTest
    @EnumSource
    void aBlockHasItsOwnSize(Kind kind) throws Exception {
        with(
                kind,
                FeedRig.UNTIED,
                feed -> {
                    for (int block : FeedRig.UNTIED) {
                        try (BlockLease lease = feed.acquire(block)) {
                            assertThat(lease.weights().byteSize())
                                    .isEqualTo(FeedRig.SIZES.get(block));
                            assertThat(lease.address()).isEqualTo(lease.weights().address());
                        }
                    }
                });
    }

    @ParameterizedTest
    @EnumSource
    void closingALeaseOrAFeedTwiceDoesNothing(Kind kind) throws Exception {
        with(
                kind,
                FeedRig.UNTIED,
                feed -> {
                    for (int pass = 0; pass < 2; pass++) {
                        for (int block : FeedRig.UNTIED) {
                            BlockLease lease = feed.acquire(block);
                            assertThat(lease.foldedThrough()).isZero();
                            lease.close();
                            lease.close();
                        }
                    }
                    feed.close();
                });
    }

    @ParameterizedTest
    @EnumSource
    void aFeedEndsWhereverItIsClosed(Kind kind, @Seed long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 3; round++) {
            int visits = random.nextInt(2 * FeedRig.TIED.size());
            with(
                    kind,
                    FeedRig.TIED,
                    feed -> {
                        for (int visit = 0; visit < visits; visit++) {
                            int place = visit % FeedRig.TIED.size();
                            feed.acquire(FeedRig.TIED.get(place)).close();
                        }
                    });
        }
    }
}
