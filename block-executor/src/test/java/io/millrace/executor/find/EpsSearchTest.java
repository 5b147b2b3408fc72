package io.millrace.executor.find;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EpsSearchTest {
    @Test
    void takesTheMiddleOfWhereSlopesAgree() {
        assertThat(choose(0.9, 0.3, 0.04, 0.02, 0.01, 0.04, 0.2, 0.8)).isEqualTo(4);
    }

    @Test
    void takesWhatIsWithinTwiceTheBestWhereNothingAgreesWell() {
        assertThat(choose(0.9, 0.5, 0.2, 0.3, 0.9, 0.9)).isEqualTo(3);
    }

    @Test
    void doesNotTrustTheEnds() {
        assertThat(choose(0, 0.1, 0.2, 0.3, 0)).isEqualTo(2);
        assertThat(choose(0.3, 0.2)).isEqualTo(1);
    }

    /** The index that is chosen among trials with these disagreements. */
    private static int choose(double... disagreements) {
        List<EpsTrial> trials = new ArrayList<>();
        for (int i = 0; i < disagreements.length; i++) {
            trials.add(new EpsTrial(i, 1, disagreements[i]));
        }
        return (int) EpsSearch.choose(trials).eps();
    }
}
