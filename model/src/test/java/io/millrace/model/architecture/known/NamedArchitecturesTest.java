package io.millrace.model.architecture.known;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.model.ModelLayout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The models that are known by name have as many parameters as the published ones. */
class NamedArchitecturesTest {
    @ParameterizedTest
    @CsvSource({
        "tinyllama-1.1b, 1100048384",
        "llama-3.2-1b, 1235814400",
        "llama-3.2-3b, 3212749824",
        "qwen2.5-7b, 7615616512",
        "qwen2.5-14b, 14770033664",
        "qwen2.5-32b, 32763876352",
        "qwen2.5-72b, 72706203648",
        "phi-1.5, 1418270720",
        "phi-2, 2779683840",
        "phi-3-mini, 3821079552",
        "phi-3-medium, 13960238080",
        "phi-4, 14659507200",
        "gemma-2b, 2506172416",
        "gemma-7b, 8537680896",
        "gemma-2-2b, 2614341888",
        "gemma-2-9b, 9241705984",
        "gemma-2-27b, 27227128320",
        "gemma-3-270m, 268098176",
        "gemma-3-1b, 999885952",
        "gemma-3-4b, 3880263168",
        "gemma-3-12b, 11766034176",
        "gemma-3-27b, 27009346304",
        "gpt-j-6b, 6050882784",
        "gpt-neo-125m, 125198592",
        "gpt-neo-1.3b, 1315575808",
        "gpt-neo-2.7b, 2651307520",
        "pythia-70m, 70426624",
        "pythia-160m, 162322944",
        "pythia-410m, 405334016",
        "pythia-1b, 1011781632",
        "pythia-1.4b, 1414647808",
        "pythia-2.8b, 2775208960",
        "pythia-6.9b, 6857302016",
        "pythia-12b, 11846072320",
        "gpt-neox-20b, 20554567680",
        "falcon-7b, 6921720704",
        "falcon-40b, 41303293952",
        "falcon-180b, 178557088768",
        "bloom-560m, 559214592",
        "bloom-1b1, 1065314304",
        "bloom-1b7, 1722408960",
        "bloom-3b, 3002557440",
        "bloom-7b1, 7069016064",
        "bloom-176b, 176247271424",
        "mpt-7b, 6649286656",
        "mpt-30b, 29957200896",
        "starcoder, 15517456384",
        "starcoder2-3b, 3030371328",
        "starcoder2-7b, 7173923840",
        "starcoder2-15b, 15957889024",
        "stablelm-3b-4e1t, 2795443200",
        "stablelm-2-1.6b, 1644515328",
        "command-r, 34980831232",
        "command-r7b, 8028033024",
        "command-a, 111057580032",
        "seed-oss-36b, 36151104512",
        "olmo2-1b, 1484916736",
        "olmo2-7b, 7298617344",
        "olmo2-13b, 13716198400",
        "olmo2-32b, 32234279936",
        "granite-3.0-2b, 2533531648",
        "granite-3.0-8b, 8170848256",
        "smollm3-3b, 3075098624",
        "glm-4-9b, 9399951360",
        "glm-4-9b-0414, 9400279040",
        "roberta-base, 124697433",
        "roberta-large, 355412057",
        "bert-base-uncased, 109514298",
        "bert-large-uncased, 335174458",
        "modernbert-base, 149655232",
        "modernbert-large, 395881664",
        "deberta-v3-xsmall, 70958820",
        "deberta-v3-small, 142024548",
        "deberta-v3-base, 184551780",
        "deberta-v3-large, 435191908",
    })
    void haveAsManyParametersAsThePublishedOnes(String name, long parameters) {
        ModelLayout layout =
                ModelLayout.of(
                        NamedArchitectures.program(NamedArchitectures.find(name).orElseThrow()),
                        DType.BF16);
        assertThat(layout.elementCount()).isEqualTo(parameters);
    }
}
