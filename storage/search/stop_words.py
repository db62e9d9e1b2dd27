"""Stop words: each language's commonest words, which say nothing about a text's subject."""

from __future__ import annotations

_WORDS = {
    "eng_Latn": (
        "a about above after again all am an and any are as at be because been before being below between "
        "both but by can could did do does doing down during each few for from had has have having he her "
        "here hers him his how i if in into is it its just me more most my no nor not of off on once only or "
        "other our out over own same she should so some such than that the their them then there these they "
        "this those through to too under until up very was we were what when where which while who whom why "
        "will with would you your"
    ),
    "deu_Latn": (
        "aber als am an auch auf aus bei bin bis bist da damit dann das dass dein deine dem den denn der des "
        "dich die dies diese diesem diesen dieser dieses dir doch du durch ein eine einem einen einer eines "
        "er es euch euer für gegen hab habe haben hat hatte ich ihm ihn ihnen ihr ihre im in ist ja kann kein "
        "keine können man mein meine mich mir mit muss nach nicht noch nun nur ob oder ohne sehr sein seine "
        "sich sie sind so soll über um und uns unser unter vom von vor war waren was weil wenn wer werden wie "
        "wieder wir wird wo wurde zu zum zur"
    ),
    "fra_Latn": (
        "ai as au aux avec avoir c'est car ce ces cet cette comme comment d' dans de des du elle elles en est "
        "et été être eu il ils je l' la le les leur leurs lui m' ma mais me même mes moi mon n' ne nos notre "
        "nous on ont ou où par pas peut plus pour qu' que quel quelle qui s' sa sans se ses si son sont sur "
        "t' ta te tes toi ton tu un une vos votre vous y à"
    ),
    "spa_Latn": (
        "a al algo como cómo con cual cuando de del desde donde dónde e el él ella ellas ellos en entre era "
        "eres es esa ese eso esta está este esto estos fue ha han hasta hay la las le les lo los más me mi "
        "mis muy ni no nos o otra otro para pero por porque puede qué que quien quién se ser si sí sin sobre "
        "son su sus también te tiene todo tu tus un una unas uno unos y ya yo"
    ),
}
STOP_WORDS = {lang: frozenset(words.split()) for lang, words in _WORDS.items()}
"""Stop words by language code; other languages have none."""
