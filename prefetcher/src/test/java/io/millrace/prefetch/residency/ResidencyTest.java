package io.millrace.prefetch.residency;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Whatever the order in which lanes get on: a claimed block is neither read again nor written, no
 * change is dropped, no slot is lent twice, and nothing waits for ever.
 */
@ExtendWith(SeedExtension.class)
final class ResidencyTest {
    @Test
    void keepsItsPromisesUnderEveryInterleaving(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 1500; run++) {
            LaneWorld world = LaneWorld.random(random.split());
            world.run();
            world.requireAllServed();
        }
    }

    @Test
    void whatComesToADeviceDoesNotWaitForWhatLeavesIt() {
        // Block 3 comes through staging and waits for the one device slot, in which block 1 is;
        // that is given back after block 0, which is to leave through staging.
        List<Tier> homes = List.of(Tier.DEVICE, Tier.NVME, Tier.NVME, Tier.DEVICE);
        Residency residency =
                new Residency(
                        homes,
                        List.of(1L, 1L, 1L, 1L),
                        SlotCut.whole(List.of(1L, 1L)),
                        List.of(1L),
                        false);
        for (int block = 0; block < 3; block++) {
            assertThat(residency.claimHost(block, 0, false)).isEqualTo(Residency.Claim.MOVE);
            if (block < 2) {
                assertThat(residency.claimDevice(block, 0)).isEqualTo(Residency.Claim.MOVE);
                residency.uploaded(block);
            }
        }
        assertThat(residency.claimHost(3, 0, false)).isEqualTo(Residency.Claim.MOVE);
        assertThat(residency.claimDevice(2, 0)).isEqualTo(Residency.Claim.WAIT);
        assertThat(residency.computed(0, true, true)).isEqualTo(Residency.Leaving.NOTHING);
        assertThat(residency.settles(0)).isTrue();

        assertThat(residency.computed(1, false, false)).isEqualTo(Residency.Leaving.NOTHING);
        assertThat(residency.claimDevice(2, 0)).isEqualTo(Residency.Claim.MOVE);
        assertThat(residency.claimDevice(3, 0)).isEqualTo(Residency.Claim.MOVE);
        residency.uploaded(3);
        assertThat(residency.computed(0, false, true)).isEqualTo(Residency.Leaving.DOWNLOAD);
        assertThat(residency.settles(0)).isFalse();
    }

    @Test
    void forgetsStepsThatChangedNothingWithTheSlot() {
        Residency residency =
                new Residency(
                        List.of(Tier.NVME, Tier.HOST),
                        List.of(1L, 1L),
                        SlotCut.whole(List.of(1L)),
                        List.of(),
                        true);
        residency.found(0, 4);
        residency.found(1, 4);
        for (int block = 0; block < 2; block++) {
            assertThat(residency.claimHost(block, 0, false)).isEqualTo(Residency.Claim.MOVE);
            residency.folded(block, 5);
            assertThat(residency.computed(block, false, false))
                    .isEqualTo(Residency.Leaving.NOTHING);
            assertThat(residency.isDirty(block)).isFalse();
        }
        assertThat(residency.version(0)).isEqualTo(4);
        assertThat(residency.version(1)).isEqualTo(5);
    }
}
