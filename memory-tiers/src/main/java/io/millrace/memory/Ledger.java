package io.millrace.memory;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What each tier may hold and holds: every allocation goes through it, so that a budget is a
 * promise and not an estimate. Safe for use from any thread.
 */
public final class Ledger {
    /** A budget that bounds nothing. */
    public static final long UNLIMITED = Long.MAX_VALUE;

    private final Map<Tier, Account> accounts = new EnumMap<>(Tier.class);

    /**
     * A ledger with a budget in bytes for each tier; a tier that is missing is unlimited.
     *
     * @param budgets bytes a tier may hold
     */
    public Ledger(Map<Tier, Long> budgets) {
        for (Tier tier : Tier.values()) {
            accounts.put(tier, new Account(budgets.getOrDefault(tier, UNLIMITED)));
        }
    }

    /** A ledger that only counts. */
    public static Ledger unlimited() {
        return new Ledger(Map.of());
    }

    /**
     * Takes bytes out of a tier's budget.
     *
     * @param tier where the bytes will lie
     * @param purpose what they are for, as the message of a refusal says it
     * @param bytes how many
     * @throws TierFullException when the budget has fewer left; nothing is taken then
     */
    public void reserve(Tier tier, String purpose, long bytes) {
        requireCount(bytes);
        Account account = accounts.get(tier);
        long before;
        do {
            before = account.inUse.get();
            if (bytes > account.budget - before) {
                throw new TierFullException(
                        String.format(
                                "%s (%s) does not fit the %s budget of %s, of which %s is in use",
                                purpose,
                                ByteSize.format(bytes),
                                tier.label(),
                                ByteSize.format(account.budget),
                                ByteSize.format(before)));
            }
        } while (!account.inUse.compareAndSet(before, before + bytes));
        account.highWater.accumulateAndGet(before + bytes, Math::max);
    }

    /** Gives bytes back. */
    public void release(Tier tier, long bytes) {
        requireCount(bytes);
        AtomicLong inUse = accounts.get(tier).inUse;
        long before;
        do {
            before = inUse.get();
            if (bytes > before) {
                throw new IllegalStateException(
                        "more "
                                + tier.label()
                                + " bytes released than reserved: "
                                + bytes
                                + " of "
                                + before);
            }
        } while (!inUse.compareAndSet(before, before - bytes));
    }

    /** Bytes of a tier that are taken now. */
    public long inUse(Tier tier) {
        return accounts.get(tier).inUse.get();
    }

    /** The most bytes of a tier that were ever taken. */
    public long highWater(Tier tier) {
        return accounts.get(tier).highWater.get();
    }

    /** A tier's budget in bytes, {@link #UNLIMITED} where it has none. */
    public long budget(Tier tier) {
        return accounts.get(tier).budget;
    }

    /** Bytes of a tier that may still be taken. */
    public long free(Tier tier) {
        Account account = accounts.get(tier);
        return account.budget - account.inUse.get();
    }

    private static void requireCount(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException(bytes + " is not a number of bytes");
        }
    }

    private static final class Account {
        private final long budget;
        private final AtomicLong inUse = new AtomicLong();
        private final AtomicLong highWater = new AtomicLong();

        Account(long budget) {
            this.budget = budget;
        }
    }
}
