package io.millrace.executor.cuda.product;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RecentlyUsedTest {
    private final List<String> closed = new ArrayList<>();

    @Test
    void theOneNotUsedForLongestMakesWay() {
        RecentlyUsed<Integer, String> plans = new RecentlyUsed<>(2, closed::add);
        plans.put(1, "one");
        plans.put(2, "two");
        assertThat(plans.get(1)).isEqualTo("one");
        plans.put(3, "three");
        assertThat(closed).containsExactly("two");
        assertThat(plans.get(2)).isNull();
        assertThat(plans.get(1)).isEqualTo("one");
        plans.close();
        assertThat(closed).containsExactlyInAnyOrder("one", "two", "three");
        plans.close();
        assertThat(closed).hasSize(3);
    }
}
