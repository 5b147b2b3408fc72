package io.millrace.optim.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** F1 and exact match are what MeZO's own code computes. */
class AnswerMetricsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    the Cat sat.         | a cat sat;dog   | 1                  | 1
                    no                   | no answer       | 0                  | 0
                    No Answer!           | no answer       | 1                  | 1
                    3                    | three;3         | 1                  | 1
                    big red dog dog      | red dog         | 0.6666666666666666 | 0
                    ice-cream — the best | ice cream best  | 0.3333333333333333 | 0
                    x                    | y               | 0                  | 0
                    Tom and Ann          | Ann, Tom        | 0.8                | 0
                    """)
    void agreeWithThePublishedCode(String answer, String right, double f1, double exact) {
        List<String> answers = List.of(right.split(";"));
        assertThat(1 - new AnswerF1(50).of(answer, answers)).isCloseTo(f1, offset(1e-12));
        assertThat(1 - new ExactMatch(50).of(answer, answers)).isEqualTo(exact);
    }

    @Test
    void theLossOfAChoiceIsTheCrossEntropyAmongAll() {
        double[] losses = {1.5, 0.25, 4};
        double sum = Math.exp(-1.5) + Math.exp(-0.25) + Math.exp(-4);
        for (int label = 0; label < losses.length; label++) {
            double expected = losses[label] + Math.log(sum);
            assertThat(new ChoiceLoss().of(losses, label)).isCloseTo(expected, offset(1e-12));
        }
        assertThat(new ChoiceLoss().of(new double[] {900, 1000}, 1)).isEqualTo(100);
    }
}
